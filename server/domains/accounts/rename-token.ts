import type { User } from '../../kernel/actor.ts'
import { checkTokenName } from './account-fields.ts'
import { TokenNotFound } from './errors.ts'
import type { AccountParts } from './parts.ts'
import { type ListedToken, renameToken as renameRow, tokenById } from './store.ts'

/** Throws TokenNotFound, MalformedInput. */
export async function renameToken(
  { database }: AccountParts,
  user: User,
  tokenId: string,
  name: string,
): Promise<ListedToken> {
  checkTokenName(name)
  return await database.transaction(async tx => {
    const listed = await tokenById(tx, user.id, tokenId)
    if (!listed) throw new TokenNotFound(user.name, tokenId)
    await renameRow(tx, tokenId, name)
    return { ...listed, name }
  })
}
