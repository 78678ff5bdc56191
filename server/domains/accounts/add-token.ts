import { uniqueNameKey } from '../../formats/repo-name.ts'
import type { TokenScope } from '../../kernel/actor.ts'
import { MalformedInput } from '../../kernel/errors.ts'
import { newId } from '../../kernel/ids.ts'
import type { Sql } from '../../ports/database.ts'
import { checkTokenValue, hashToken, mintToken } from './access-token.ts'
import { checkTokenName } from './account-fields.ts'
import { AccountNotFound, TokenExists } from './errors.ts'
import type { AccountParts } from './parts.ts'
import { accountByName, insertToken } from './store.ts'

export type NewToken = {
  /** What its owner knows it by; the client stores it under this name. */
  readonly name: string
  /** Milliseconds; without it the token lives until it is revoked. */
  readonly expiresAt?: number | undefined
  /** The token that it is made with. */
  readonly madeBy?: string | undefined
} & (
  | { readonly role: 'read' | 'write' }
  | { readonly role: 'fine-grained'; readonly scopes: readonly TokenScope[] }
)

/**
 * A new token of a user, which is told once and never again. Scopes may name what the user cannot reach (yet): a
 * token never does more than its user. Throws AccountNotFound, MalformedInput.
 */
export async function addToken(
  parts: AccountParts,
  user: string,
  wanted: NewToken,
): Promise<{ token: string }> {
  if (wanted.role === 'fine-grained' && wanted.scopes.length === 0) {
    throw new MalformedInput(
      'token',
      'a fine-grained token needs at least one scope, a repository or an account',
    )
  }
  const token = mintToken()
  await parts.database.transaction(async tx => {
    const account = await accountByName(tx, uniqueNameKey(user))
    if (account?.kind !== 'user') throw new AccountNotFound('user', user)
    await storeToken(parts, tx, account.id, token, wanted)
  })
  return { token }
}

/** Inside `tx`; gives the id. A fine-grained token without scopes tells who its user is, no more. Throws MalformedInput, TokenExists. */
export async function storeToken(
  { database, clock }: AccountParts,
  tx: Sql,
  userId: string,
  token: string,
  wanted: NewToken,
): Promise<string> {
  checkTokenValue(token)
  checkTokenName(wanted.name)
  const scopes = wanted.role === 'fine-grained' ? wanted.scopes : []
  if (wanted.role === 'fine-grained') checkScopes(scopes)
  const now = clock()
  if (wanted.expiresAt !== undefined && wanted.expiresAt <= now)
    throw new MalformedInput('token', 'its end must be in the future')
  const row = {
    id: newId(now),
    user_id: userId,
    name: wanted.name,
    role: wanted.role,
    hash: hashToken(token),
    created_at: now,
    last_used_at: null,
    expires_at: wanted.expiresAt ?? null,
    revoked_at: null,
    made_by: wanted.madeBy ?? null,
  }
  try {
    await insertToken(tx, row, scopes)
    return row.id
  } catch (error) {
    if (database.isDuplicate(error)) throw new TokenExists()
    throw error
  }
}

function checkScopes(scopes: readonly TokenScope[]): void {
  if (new Set(scopes.map(({ target }) => `${target.kind} ${target.id}`)).size < scopes.length) {
    throw new MalformedInput('token', 'two of its scopes name the same repository or account; keep one')
  }
}
