import { checkNamespace, uniqueNameKey } from '../../formats/repo-name.ts'
import type { OrganizationRole } from '../../kernel/actor.ts'
import { MalformedInput } from '../../kernel/errors.ts'
import { newId } from '../../kernel/ids.ts'
import { checkFullname } from './account-fields.ts'
import { AccountExists, AccountNotFound } from './errors.ts'
import type { AccountParts } from './parts.ts'
import { type Account, accountByName, insertAccount, insertMembership } from './store.ts'

export interface NewOrganization {
  readonly name: string
  /** The name when absent. */
  readonly fullname?: string | undefined
  /** At least one, each an existing user. */
  readonly members: readonly { readonly user: string; readonly role: OrganizationRole }[]
  readonly privateByDefault?: boolean | undefined
}

/** A new organisation with its members: all or nothing. Throws AccountExists, AccountNotFound, MalformedInput. */
export async function addOrganization(parts: AccountParts, wanted: NewOrganization): Promise<Account> {
  checkNamespace(wanted.name)
  const fullname = wanted.fullname ?? wanted.name
  checkFullname(fullname)
  if (wanted.members.length === 0) throw new MalformedInput('organization', 'needs at least one member')
  if (new Set(wanted.members.map(member => uniqueNameKey(member.user))).size < wanted.members.length) {
    throw new MalformedInput('organization', 'two of its members are the same user; give each one role')
  }

  const now = parts.clock()
  const privateByDefault = wanted.privateByDefault ?? false
  const account: Account = {
    id: newId(now),
    kind: 'organization',
    name: wanted.name,
    fullname,
    privateByDefault,
  }
  await parts.database.transaction(async tx => {
    try {
      await insertAccount(tx, {
        id: account.id,
        kind: 'organization',
        name: wanted.name,
        folded_name: uniqueNameKey(wanted.name),
        fullname,
        email: null,
        password_hash: null,
        is_admin: 0,
        private_by_default: privateByDefault ? 1 : 0,
        created_at: now,
        deleted_at: null,
      })
    } catch (error) {
      if (parts.database.isDuplicate(error)) throw new AccountExists(wanted.name)
      throw error
    }
    for (const { user, role } of wanted.members) {
      const member = await accountByName(tx, uniqueNameKey(user))
      if (member?.kind !== 'user') throw new AccountNotFound('user', user)
      await insertMembership(tx, member.id, account.id, role, now)
    }
  })
  return account
}
