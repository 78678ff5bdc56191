import { uniqueNameKey } from '../../formats/repo-name.ts'
import type { Sql } from '../../ports/database.ts'
import {
  type Account,
  accountByName,
  accountsById,
  contactsById,
  countMembers,
  membersOf,
  organizationsOf,
} from './store.ts'

/** Who there is. Living accounts only, of which an id or a name may have none. */
export interface Directory {
  /** In any spelling of its case. */
  findAccount(name: string): Promise<Account | undefined>
  /** In no order. At most some thousand ids. */
  accountsById(ids: readonly string[]): Promise<Account[]>
  /** The same with email, for whom they have agreed to show it to. */
  contactsById(ids: readonly string[]): ReturnType<typeof contactsById>
  /** An organisation's members in order of their names, those after the name `after`. */
  membersOf(organizationId: string, after: string | undefined, limit: number): ReturnType<typeof membersOf>
  countMembers(organizationId: string): Promise<number>
  organizationsOf(userId: string): ReturnType<typeof organizationsOf>
}

export function createDirectory(sql: Sql): Directory {
  return {
    findAccount: name => accountByName(sql, uniqueNameKey(name)),
    accountsById: ids => accountsById(sql, ids),
    contactsById: ids => contactsById(sql, ids),
    membersOf: (id, after, limit) =>
      membersOf(sql, id, after === undefined ? undefined : uniqueNameKey(after), limit),
    countMembers: id => countMembers(sql, id),
    organizationsOf: id => organizationsOf(sql, id),
  }
}
