import type { Sql } from '../../ports/database.ts'
import type { BlobTables, FilesTable, HoldingsTable, XorbsTable } from './tables.ts'

/** SQL of the check. */

const tables = (sql: Sql) => sql.withTables<BlobTables>()

export type FileRow = Pick<FilesTable, 'hash' | 'size' | 'terms'>

export async function countXorbs(sql: Sql): Promise<number> {
  const row = await tables(sql)
    .selectFrom('xorbs')
    .select(eb => eb.fn.countAll<number>().as('count'))
    .where('doomed_at', 'is', null)
    .executeTakeFirstOrThrow()
  return row.count
}

/** Xorbs from `start` on and before `end` that are not being deleted. */
export async function xorbsBetween(sql: Sql, start: string, end: string): Promise<XorbsTable[]> {
  return await tables(sql)
    .selectFrom('xorbs')
    .selectAll()
    .where('hash', '>=', start)
    .where('hash', '<', end)
    .where('doomed_at', 'is', null)
    .execute()
}

export async function countFiles(sql: Sql): Promise<number> {
  const row = await tables(sql)
    .selectFrom('files')
    .select(eb => eb.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  return row.count
}

/** Files after `last`; few, for their terms may be long. */
export async function pageOfFiles(sql: Sql, last: string): Promise<FileRow[]> {
  return await tables(sql)
    .selectFrom('files')
    .select(['hash', 'size', 'terms'])
    .where('hash', '>', last)
    .orderBy('hash')
    .limit(50)
    .execute()
}

export async function xorbUsesOf(sql: Sql, fileHash: string): Promise<Set<string>> {
  const rows = await tables(sql)
    .selectFrom('file_xorbs')
    .select('xorb_hash')
    .where('file_hash', '=', fileHash)
    .execute()
  return new Set(rows.map(row => row.xorb_hash))
}

/** Files that need a xorb, at most `limit`. */
export async function filesWith(sql: Sql, xorbHash: string, limit: number): Promise<string[]> {
  const rows = await tables(sql)
    .selectFrom('file_xorbs')
    .select('file_hash')
    .where('xorb_hash', '=', xorbHash)
    .limit(limit)
    .execute()
  return rows.map(row => row.file_hash)
}

/** Holdings whose file has no row; at most 1000. */
export async function findBrokenHoldings(
  sql: Sql,
): Promise<Pick<HoldingsTable, 'holder' | 'sha256' | 'file_hash'>[]> {
  return await tables(sql)
    .selectFrom('holdings')
    .leftJoin('files', 'files.hash', 'holdings.file_hash')
    .select(['holdings.holder', 'holdings.sha256', 'holdings.file_hash'])
    .where('files.hash', 'is', null)
    .limit(1000)
    .execute()
}
