import { uniqueNameKey } from '../../formats/repo-name.ts'
import { AccountNotFound } from './errors.ts'
import type { AccountParts } from './parts.ts'
import { accountByName, type ListedToken, tokensOf } from './store.ts'

/** The tokens of a user that were not revoked, oldest first. Throws AccountNotFound. */
export async function listTokens({ database }: AccountParts, user: string): Promise<ListedToken[]> {
  const account = await accountByName(database.sql, uniqueNameKey(user))
  if (account?.kind !== 'user') throw new AccountNotFound('user', user)
  return await tokensOf(database.sql, account.id)
}
