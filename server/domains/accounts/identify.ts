import { uniqueNameKey } from '../../formats/repo-name.ts'
import { type Actor, anonymous, type Credential, type User } from '../../kernel/actor.ts'
import { hashToken, looksMinted } from './access-token.ts'
import { BadCredentials } from './errors.ts'
import type { AccountParts } from './parts.ts'
import { PasswordLogins } from './password-logins.ts'
import {
  type Identity,
  identityByName,
  identityByToken,
  identityTables,
  type TokenIdentity,
  touchToken,
} from './store.ts'

/** How exact `last_used_at` is: a write a minute and token, not one a request. */
const lastUsedPrecisionMs = 60_000

/**
 * Who asks, from the Authorization header as it was sent:
 * - none: anonymous;
 * - `Bearer` token;
 * - `Basic`: the password is a token, whatever the user name (git, git-lfs: huggingface_hub
 *   `utils/_git_credential.py`), or else user name and password of an account.
 *
 * Throws BadCredentials for everything else, TooManyAttempts when passwords are being guessed. A revocation holds from
 * the next request on: what is remembered of a token ends with any write to the tables that it comes from.
 */
export type Identify = (authorization: string | undefined) => Promise<Actor>

export function createIdentify({ database, clock }: AccountParts): Identify {
  const logins = new PasswordLogins(clock)
  const beingNoted = new Set<string>()
  const holderOf = database.remember({
    tables: identityTables,
    max: 10_000,
    load: hash => identityByToken(database.sql, hash),
  })

  async function byToken(token: string): Promise<User | undefined> {
    const now = clock()
    const found = await holderOf(hashToken(token))
    if (!found || (found.expiresAt !== null && found.expiresAt <= now)) return undefined
    if (found.lastUsedAt === null || found.lastUsedAt <= now - lastUsedPrecisionMs)
      noteUse(found.tokenId, now)
    return toUser(found, credentialOf(found))
  }

  async function byPassword(name: string, password: string): Promise<User | undefined> {
    const foldedName = uniqueNameKey(name)
    const found = await identityByName(database.sql, foldedName)
    const isRight = await logins.check(foldedName, password, found?.passwordHash)
    return found && isRight ? toUser(found.identity, { kind: 'password' }) : undefined
  }

  /** Beside the request, which must neither wait for it nor fail with it. What is lost is noted at the next use. */
  function noteUse(tokenId: string, now: number): void {
    if (beingNoted.has(tokenId)) return
    beingNoted.add(tokenId)
    touchToken(database.sql, tokenId, now, now - lastUsedPrecisionMs)
      .catch(() => {})
      .finally(() => beingNoted.delete(tokenId))
  }

  return async authorization => {
    if (authorization === undefined) return anonymous
    const [, scheme, value] = /^(\S+) +(\S.*)$/.exec(authorization.trim()) ?? []
    let user: User | undefined
    if (scheme?.toLowerCase() === 'bearer' && value) user = await byToken(value)
    if (scheme?.toLowerCase() === 'basic' && value) {
      const [, name, password] = /^([^:]*):(.*)$/s.exec(Buffer.from(value, 'base64').toString('utf8')) ?? []
      if (name !== undefined && password) {
        user = await byToken(password)
        if (!user && !looksMinted(password)) user = await byPassword(name, password)
      }
    }
    if (!user) throw new BadCredentials()
    return user
  }
}

function credentialOf({ tokenId, role, scopes }: TokenIdentity): Credential {
  const token = { kind: 'token', id: tokenId } as const
  return role === 'fine-grained' ? { ...token, role, scopes } : { ...token, role }
}

function toUser({ id, name, isAdmin, memberships }: Identity, credential: Credential): User {
  return { kind: 'user', id, name, isAdmin, memberships, credential }
}
