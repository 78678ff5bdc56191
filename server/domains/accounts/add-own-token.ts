import type { User } from '../../kernel/actor.ts'
import { mintToken } from './access-token.ts'
import { type NewToken, storeToken } from './add-token.ts'
import { TokenTooStrong } from './errors.ts'
import type { AccountParts } from './parts.ts'
import { type ListedToken, tokenById } from './store.ts'

/**
 * A token that a user makes for themselves, told once. Made with another one it is never stronger: only a token of role
 * `write` comes this far (policy: `account:manage`), which allows all that its user may do, so what is left is its end;
 * and it is revoked together with that one. Throws MalformedInput, TokenTooStrong.
 */
export async function addOwnToken(
  parts: AccountParts,
  user: User,
  wanted: NewToken,
): Promise<{ token: string; listed: ListedToken }> {
  const token = mintToken()
  const maker = user.credential.kind === 'token' ? user.credential.id : undefined
  const listed = await parts.database.transaction(async tx => {
    const end = maker === undefined ? null : ((await tokenById(tx, user.id, maker))?.expires_at ?? null)
    if (end !== null && (wanted.expiresAt ?? Number.POSITIVE_INFINITY) > end) throw new TokenTooStrong(end)
    const id = await storeToken(parts, tx, user.id, token, { ...wanted, madeBy: maker })
    return await tokenById(tx, user.id, id)
  })
  return { token, listed: listed as ListedToken }
}
