import type { Sql } from '../../ports/database.ts'
import type { CommunityTables } from './tables.ts'

/** SQL about likes. Every function takes the connection or the transaction that it runs in. */

const tables = (sql: Sql) => sql.withTables<CommunityTables>()

/** The last row of the page before, in the order of time. */
export interface Before {
  readonly at: number
  readonly id: string
}

/** False when the user likes it already. */
export async function insertLike(tx: Sql, row: CommunityTables['likes']): Promise<boolean> {
  const inserted = await tables(tx)
    .insertInto('likes')
    .values(row)
    .onConflict(conflict => conflict.doNothing())
    .executeTakeFirst()
  return Number(inserted.numInsertedOrUpdatedRows ?? 0) === 1
}

/** False when the user does not like it. */
export async function deleteLike(tx: Sql, userId: string, repoId: string): Promise<boolean> {
  const deleted = await tables(tx)
    .deleteFrom('likes')
    .where('user_id', '=', userId)
    .where('repo_id', '=', repoId)
    .executeTakeFirst()
  return Number(deleted.numDeletedRows) === 1
}

export async function deleteLikesOf(tx: Sql, repoId: string): Promise<void> {
  await tables(tx).deleteFrom('likes').where('repo_id', '=', repoId).execute()
}

export async function setLikesPublic(tx: Sql, repoId: string, isPublic: boolean): Promise<void> {
  await tables(tx)
    .updateTable('likes')
    .set({ is_public: isPublic ? 1 : 0 })
    .where('repo_id', '=', repoId)
    .where('is_public', '!=', isPublic ? 1 : 0)
    .execute()
}

/** Who likes a repository, the last one first. */
export async function likersOf(
  sql: Sql,
  repoId: string,
  before: Before | undefined,
  limit: number,
): Promise<{ id: string; at: number }[]> {
  let select = tables(sql)
    .selectFrom('likes')
    .select(['user_id as id', 'created_at as at'])
    .where('repo_id', '=', repoId)
  if (before) {
    select = select.where(({ eb, refTuple, tuple }) =>
      eb(refTuple('created_at', 'user_id'), '<', tuple(before.at, before.id)),
    )
  }
  return await select.orderBy('created_at', 'desc').orderBy('user_id', 'desc').limit(limit).execute()
}

/** What a user likes of what is public, the last one first. */
export async function likedBy(
  sql: Sql,
  userId: string,
  before: Before | undefined,
  limit: number,
): Promise<{ id: string; at: number }[]> {
  let select = tables(sql)
    .selectFrom('likes')
    .select(['repo_id as id', 'created_at as at'])
    .where('user_id', '=', userId)
    .where('is_public', '=', 1)
  if (before) {
    select = select.where(({ eb, refTuple, tuple }) =>
      eb(refTuple('created_at', 'repo_id'), '<', tuple(before.at, before.id)),
    )
  }
  return await select.orderBy('created_at', 'desc').orderBy('repo_id', 'desc').limit(limit).execute()
}

export async function countLiked(sql: Sql, userId: string): Promise<number> {
  const { count } = await tables(sql)
    .selectFrom('likes')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('user_id', '=', userId)
    .where('is_public', '=', 1)
    .executeTakeFirstOrThrow()
  return count
}

/** Which of these repositories the user likes. */
export async function likedAmong(sql: Sql, userId: string, repoIds: readonly string[]): Promise<Set<string>> {
  if (repoIds.length === 0) return new Set()
  const rows = await tables(sql)
    .selectFrom('likes')
    .select('repo_id')
    .where('user_id', '=', userId)
    .where('repo_id', 'in', repoIds)
    .execute()
  return new Set(rows.map(row => row.repo_id))
}
