import { uniqueNameKey } from '../../formats/repo-name.ts'
import { AccountNotFound, TokenNotFound } from './errors.ts'
import type { AccountParts } from './parts.ts'
import { accountByName, revokeToken as revokeRows, tokenById } from './store.ts'

/**
 * The token opens nothing from now on, on a hub that runs too, nor does any that was made with it; keys to the CAS and signed URLs that it has obtained
 * live until they expire. Throws AccountNotFound, TokenNotFound.
 */
export async function revokeToken(
  { database, clock }: AccountParts,
  user: string,
  tokenId: string,
): Promise<void> {
  await database.transaction(async tx => {
    const account = await accountByName(tx, uniqueNameKey(user))
    if (account?.kind !== 'user') throw new AccountNotFound('user', user)
    if (!(await tokenById(tx, account.id, tokenId))) throw new TokenNotFound(user, tokenId)
    await revokeRows(tx, tokenId, clock())
  })
}
