import { uniqueNameKey } from '../../formats/repo-name.ts'
import { type Actor, anonymous, type Credential, type User } from '../../kernel/actor.ts'
import { hashToken, looksMinted } from './access-token.ts'
import { BadCredentials } from './errors.ts'
import type { AccountParts } from './parts.ts'
import { hashSessionKey, sessionKeyOf } from './session-cookie.ts'
import { isOver } from './session-life.ts'
import {
  type Identity,
  identityByName,
  identityByToken,
  identityTables,
  type TokenIdentity,
  touchToken,
} from './store.ts'
import { identityBySession, sessionTables, touchSession } from './store-sessions.ts'

/** How exact `last_used_at` is: a write a minute and token, not one a request. */
const lastUsedPrecisionMs = 60_000
const sessionPrecisionMs = 5 * 60_000

/**
 * Who asks, from the Authorization header as it was sent:
 * - none: anonymous;
 * - `Bearer` token;
 * - `Basic`: the password is a token, whatever the user name (git, git-lfs: huggingface_hub
 *   `utils/_git_credential.py`), or else user name and password of an account.
 *
 * Without that header, from the Cookie header: the browser session that it names, or anonymous when that is over.
 *
 * Throws BadCredentials for everything else, TooManyAttempts when passwords are being guessed. A revocation holds from
 * the next request on: what is remembered of a token ends with any write to the tables that it comes from.
 */
export type Identify = (authorization: string | undefined, cookies?: string) => Promise<Actor>

export function createIdentify({ database, clock, logins }: AccountParts): Identify {
  const beingNoted = new Set<string>()
  const holderOf = database.remember({
    tables: identityTables,
    max: 10_000,
    load: hash => identityByToken(database.sql, hash),
  })

  const browserOf = database.remember({
    tables: sessionTables,
    max: 10_000,
    load: hash => identityBySession(database.sql, hash),
  })

  async function byToken(token: string): Promise<User | undefined> {
    const now = clock()
    const found = await holderOf(hashToken(token))
    if (!found || (found.expiresAt !== null && found.expiresAt <= now)) return undefined
    if (found.lastUsedAt === null || found.lastUsedAt <= now - lastUsedPrecisionMs)
      noteUse(found.tokenId, () => touchToken(database.sql, found.tokenId, now, now - lastUsedPrecisionMs))
    return toUser(found, credentialOf(found))
  }

  async function byPassword(name: string, password: string): Promise<User | undefined> {
    const foldedName = uniqueNameKey(name)
    const found = await identityByName(database.sql, foldedName)
    const isRight = await logins.check(foldedName, password, found?.passwordHash)
    return found && isRight ? toUser(found.identity, { kind: 'password' }) : undefined
  }

  async function bySession(key: string): Promise<User | undefined> {
    const now = clock()
    const found = await browserOf(hashSessionKey(key))
    if (!found || isOver(found, now)) return undefined
    if (found.lastUsedAt <= now - sessionPrecisionMs)
      noteUse(found.sessionId, () => touchSession(database.sql, found.sessionId, now))
    return toUser(found, { kind: 'session', id: found.sessionId })
  }

  /** Beside the request, which must neither wait for it nor fail with it. What is lost is noted at the next use. */
  function noteUse(id: string, write: () => Promise<void>): void {
    if (beingNoted.has(id)) return
    beingNoted.add(id)
    write()
      .catch(() => {})
      .finally(() => beingNoted.delete(id))
  }

  return async (authorization, cookies) => {
    if (authorization === undefined) {
      const key = sessionKeyOf(cookies)
      return (key === undefined ? undefined : await bySession(key)) ?? anonymous
    }
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

export function credentialOf({ tokenId, role, scopes }: TokenIdentity): Credential {
  const token = { kind: 'token', id: tokenId } as const
  return role === 'fine-grained' ? { ...token, role, scopes } : { ...token, role }
}

export function toUser({ id, name, isAdmin, memberships }: Identity, credential: Credential): User {
  return { kind: 'user', id, name, isAdmin, memberships, credential }
}
