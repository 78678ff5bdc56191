import type { Sql } from '../../ports/database.ts'
import { type Identity, toIdentity } from './store.ts'
import type { AccountTables, SessionTables } from './tables.ts'

/** SQL about browser sessions. */

export type SessionRow = SessionTables['sessions']

export interface SessionIdentity extends Identity {
  readonly sessionId: string
  readonly createdAt: number
  readonly lastUsedAt: number
}

const tables = (sql: Sql) => sql.withTables<AccountTables & SessionTables>()

export async function insertSession(sql: Sql, row: SessionRow): Promise<void> {
  await tables(sql).insertInto('sessions').values(row).execute()
}

/** Tables that `identityBySession` and `identityBySessionId` read. */
export const sessionTables = ['sessions', 'accounts', 'memberships'] as const

/** Whose browser holds the key of that hash; whether the session is over is not looked at. */
export function identityBySession(sql: Sql, hash: string): Promise<SessionIdentity | undefined> {
  return identityOfSession(sql, 'hash', hash)
}

export function identityBySessionId(sql: Sql, id: string): Promise<SessionIdentity | undefined> {
  return identityOfSession(sql, 'id', id)
}

async function identityOfSession(
  sql: Sql,
  column: 'hash' | 'id',
  value: string,
): Promise<SessionIdentity | undefined> {
  const rows = await tables(sql)
    .selectFrom('sessions as s')
    .innerJoin('accounts as a', 'a.id', 's.user_id')
    .leftJoin('memberships as m', 'm.user_id', 'a.id')
    .select(['s.id as session_id', 's.created_at', 's.last_used_at'])
    .select(['a.id', 'a.name', 'a.is_admin', 'm.organization_id', 'm.role as organization_role'])
    .where(`s.${column}`, '=', value)
    .where('a.deleted_at', 'is', null)
    .execute()
  const [first] = rows
  if (!first) return undefined
  return {
    ...toIdentity(first, rows),
    sessionId: first.session_id,
    createdAt: first.created_at,
    lastUsedAt: first.last_used_at,
  }
}

export async function touchSession(sql: Sql, id: string, now: number): Promise<void> {
  await tables(sql).updateTable('sessions').set({ last_used_at: now }).where('id', '=', id).execute()
}

/** Newest first, those before `before`. */
export async function sessionsOf(
  sql: Sql,
  userId: string,
  page: { before?: string | undefined; limit: number },
): Promise<Omit<SessionRow, 'hash' | 'user_id'>[]> {
  return await tables(sql)
    .selectFrom('sessions')
    .select(['id', 'user_agent', 'created_at', 'last_used_at'])
    .where('user_id', '=', userId)
    .$if(page.before !== undefined, query => query.where('id', '<', page.before ?? ''))
    .orderBy('id', 'desc')
    .limit(page.limit)
    .execute()
}

/** False when the user has no such session. */
export async function deleteSession(sql: Sql, userId: string, id: string): Promise<boolean> {
  const deleted = await tables(sql)
    .deleteFrom('sessions')
    .where('id', '=', id)
    .where('user_id', '=', userId)
    .executeTakeFirst()
  return Number(deleted.numDeletedRows) === 1
}

export async function deleteSessionByHash(sql: Sql, hash: string): Promise<void> {
  await tables(sql).deleteFrom('sessions').where('hash', '=', hash).execute()
}

/** All of the user's but the one to keep. */
export async function deleteSessionsOf(sql: Sql, userId: string, kept: string | undefined): Promise<void> {
  await tables(sql)
    .deleteFrom('sessions')
    .where('user_id', '=', userId)
    .$if(kept !== undefined, query => query.where('id', '!=', kept ?? ''))
    .execute()
}

export async function deleteSessionsUsedBefore(sql: Sql, moment: number): Promise<void> {
  await tables(sql).deleteFrom('sessions').where('last_used_at', '<', moment).execute()
}
