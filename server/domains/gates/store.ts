import type { Sql } from '../../ports/database.ts'
import type { GateTables, RequestStatus } from './tables.ts'

/** The only SQL of this domain. Every function takes the connection or the transaction that it runs in. */

export type AccessRequest = GateTables['access_requests']

const requests = (sql: Sql) => sql.withTables<GateTables>()

export async function requestOf(
  sql: Sql,
  repoId: string,
  userId: string,
): Promise<AccessRequest | undefined> {
  return await requests(sql)
    .selectFrom('access_requests')
    .selectAll()
    .where('user_id', '=', userId)
    .where('repo_id', '=', repoId)
    .executeTakeFirst()
}

export async function requestById(sql: Sql, repoId: string, id: string): Promise<AccessRequest | undefined> {
  return await requests(sql)
    .selectFrom('access_requests')
    .selectAll()
    .where('id', '=', id)
    .where('repo_id', '=', repoId)
    .executeTakeFirst()
}

/** The newest first, those before the id `before`. */
export async function requestsWith(
  sql: Sql,
  repoId: string,
  status: RequestStatus,
  before: string | undefined,
  limit: number,
): Promise<AccessRequest[]> {
  let select = requests(sql)
    .selectFrom('access_requests')
    .selectAll()
    .where('repo_id', '=', repoId)
    .where('status', '=', status)
  if (before !== undefined) select = select.where('id', '<', before)
  return await select.orderBy('id', 'desc').limit(limit).execute()
}

/** Which of these repositories have accepted the user. */
export async function acceptedAmong(
  sql: Sql,
  userId: string,
  repoIds: readonly string[],
): Promise<Set<string>> {
  const rows = await requests(sql)
    .selectFrom('access_requests')
    .select('repo_id')
    .where('user_id', '=', userId)
    .where('repo_id', 'in', repoIds)
    .where('status', '=', 'accepted')
    .execute()
  return new Set(rows.map(row => row.repo_id))
}

/** False when the user has a request there already. */
export async function insertRequest(tx: Sql, row: AccessRequest): Promise<boolean> {
  const inserted = await requests(tx)
    .insertInto('access_requests')
    .values(row)
    .onConflict(conflict => conflict.columns(['user_id', 'repo_id']).doNothing())
    .executeTakeFirst()
  return Number(inserted.numInsertedOrUpdatedRows ?? 0) === 1
}

/** False when an owner has decided since, or it is gone. */
export async function replaceAnswers(
  tx: Sql,
  id: string,
  status: RequestStatus,
  fields: string | null,
): Promise<boolean> {
  const updated = await requests(tx)
    .updateTable('access_requests')
    .set({ status, fields })
    .where('id', '=', id)
    .where('decided_at', 'is', null)
    .executeTakeFirst()
  return Number(updated.numUpdatedRows) === 1
}

/** False when it has that status already, or is gone. */
export async function decide(
  tx: Sql,
  id: string,
  status: RequestStatus,
  reason: string | null,
  now: number,
): Promise<boolean> {
  const updated = await requests(tx)
    .updateTable('access_requests')
    .set({ status, rejection_reason: reason, decided_at: now })
    .where('id', '=', id)
    .where('status', '!=', status)
    .executeTakeFirst()
  return Number(updated.numUpdatedRows) === 1
}

/** False when an owner has meanwhile taken it out of the user's hands, or it is gone. */
export async function deleteRequest(tx: Sql, id: string): Promise<boolean> {
  const deleted = await requests(tx)
    .deleteFrom('access_requests')
    .where('id', '=', id)
    .where(({ eb, or }) => or([eb('decided_at', 'is', null), eb('status', '=', 'accepted')]))
    .executeTakeFirst()
  return Number(deleted.numDeletedRows) === 1
}

export async function deleteRequestsOf(tx: Sql, repoId: string): Promise<void> {
  await requests(tx).deleteFrom('access_requests').where('repo_id', '=', repoId).execute()
}
