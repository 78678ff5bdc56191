import type { RepoType } from '../../kernel/repository.ts'
import type { Sql } from '../../ports/database.ts'
import type { PrivateReach } from '../policy/index.ts'
import type { CatalogRow } from './store.ts'
import { isReadable } from './store-list.ts'
import type { CatalogTables } from './tables.ts'

/** SQL for what other domains show of repositories. */

const tables = (sql: Sql) => sql.withTables<CatalogTables>()

/** How many repositories of an account somebody sees who reaches so far. */
export async function countRepos(
  sql: Sql,
  accountId: string,
  reach: PrivateReach,
): Promise<Record<RepoType, number>> {
  const rows = await tables(sql)
    .selectFrom('catalog')
    .select(({ fn }) => ['type', fn.countAll<number>().as('count')])
    .where('namespace_id', '=', accountId)
    .where(eb => isReadable(eb, reach))
    .groupBy('type')
    .execute()
  return {
    model: 0,
    dataset: 0,
    space: 0,
    kernel: 0,
    ...Object.fromEntries(rows.map(row => [row.type, row.count])),
  }
}

export async function rowsById(sql: Sql, ids: readonly string[]): Promise<CatalogRow[]> {
  if (ids.length === 0) return []
  return await tables(sql).selectFrom('catalog').selectAll().where('repo_id', 'in', ids).execute()
}

/** Repositories of an account, the newest first, those before the id `before`. */
export async function rowsOfAccount(
  sql: Sql,
  accountId: string,
  before: string | undefined,
  limit: number,
): Promise<CatalogRow[]> {
  let select = tables(sql).selectFrom('catalog').selectAll().where('namespace_id', '=', accountId)
  if (before !== undefined) select = select.where('repo_id', '<', before)
  return await select.orderBy('repo_id', 'desc').limit(limit).execute()
}

/** Bytes of all repositories of an account. */
export async function storageOfAccount(sql: Sql, accountId: string): Promise<number> {
  const { bytes } = await tables(sql)
    .selectFrom('catalog')
    .select(({ fn }) => fn.sum<number | null>('used_storage').as('bytes'))
    .where('namespace_id', '=', accountId)
    .executeTakeFirstOrThrow()
  return bytes ?? 0
}

/** One more like, or one less. */
export async function changeLikes(tx: Sql, repoId: string, by: 1 | -1): Promise<void> {
  await tables(tx)
    .updateTable('catalog')
    .set(eb => ({ likes: eb('likes', '+', by) }))
    .where('repo_id', '=', repoId)
    .execute()
}
