import { checkNamespace, uniqueNameKey } from '../../formats/repo-name.ts'
import { newId } from '../../kernel/ids.ts'
import { checkEmail, checkFullname } from './account-fields.ts'
import { storeToken } from './add-token.ts'
import { AccountExists } from './errors.ts'
import type { AccountParts } from './parts.ts'
import { checkPassword } from './password.ts'
import { type Account, insertAccount } from './store.ts'

export interface NewUser {
  readonly name: string
  /** The name when absent. */
  readonly fullname?: string | undefined
  readonly email?: string | undefined
  /** Without one the user signs in by token alone. */
  readonly password?: string | undefined
  readonly isAdmin?: boolean | undefined
  /** A first token whose value is known already: a mirror's, a test's. */
  readonly token?:
    | { readonly value: string; readonly name: string; readonly role: 'read' | 'write' }
    | undefined
}

/** A new user, with the token if one is given: both or neither. Throws AccountExists, TokenExists, MalformedInput. */
export async function addUser(parts: AccountParts, wanted: NewUser): Promise<Account> {
  checkNamespace(wanted.name)
  const fullname = wanted.fullname ?? wanted.name
  checkFullname(fullname)
  if (wanted.email !== undefined) checkEmail(wanted.email)
  if (wanted.password !== undefined) checkPassword(wanted.password)
  const passwordHash = wanted.password === undefined ? null : await parts.logins.hash(wanted.password)

  const now = parts.clock()
  const account: Account = {
    id: newId(now),
    kind: 'user',
    name: wanted.name,
    fullname,
    privateByDefault: false,
  }
  await parts.database.transaction(async tx => {
    try {
      await insertAccount(tx, {
        id: account.id,
        kind: 'user',
        name: wanted.name,
        folded_name: uniqueNameKey(wanted.name),
        fullname,
        email: wanted.email ?? null,
        password_hash: passwordHash,
        is_admin: wanted.isAdmin ? 1 : 0,
        private_by_default: 0,
        created_at: now,
        deleted_at: null,
      })
    } catch (error) {
      if (parts.database.isDuplicate(error)) throw new AccountExists(wanted.name)
      throw error
    }
    if (wanted.token) await storeToken(parts, tx, account.id, wanted.token.value, wanted.token)
  })
  return account
}
