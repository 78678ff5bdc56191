import type { Expression, ExpressionBuilder, SqlBool } from 'kysely'
import type { Sql } from '../../ports/database.ts'
import { inBatches, statementBatch } from './batches.ts'
import { lockFiles } from './store-files.ts'
import type { BlobTables, XorbsTable } from './tables.ts'

/**
 * SQL of collection and checking. Where something is deleted because nothing refers to it, the row is written first
 * (which waits for whoever is about to refer to it, and keeps others waiting) and only the next statement, which sees
 * what they have committed, decides. See docs/decisions/0007-collection.md.
 */

const tables = (sql: Sql) => sql.withTables<BlobTables>()

/** Holders that refer to anything, sorted, those after `last`. */
export async function pageOfHolders(sql: Sql, last: string): Promise<string[]> {
  const rows = await tables(sql)
    .selectFrom('holdings')
    .select('holder')
    .distinct()
    .where('holder', '>', last)
    .orderBy('holder')
    .limit(statementBatch)
    .execute()
  return rows.map(row => row.holder)
}

/** What makes a holding worthless: nobody committed it in time, or its holder is gone. */
export interface Expiry {
  /** Uncommitted ones that are not younger than this. */
  readonly before: number
  readonly deadHolders: readonly string[]
}

function isExpired(
  eb: ExpressionBuilder<BlobTables, 'holdings'>,
  { before, deadHolders }: Expiry,
): Expression<SqlBool> {
  const isForgotten = eb.and([
    eb('holdings.committed_at', 'is', null),
    eb('holdings.created_at', '<=', before),
  ])
  return deadHolders.length === 0
    ? isForgotten
    : eb.or([isForgotten, eb('holdings.holder', 'in', deadHolders)])
}

export async function countExpiredHoldings(sql: Sql, expiry: Expiry): Promise<number> {
  const row = await tables(sql)
    .selectFrom('holdings')
    .select(eb => eb.fn.countAll<number>().as('count'))
    .where(eb => isExpired(eb, expiry))
    .executeTakeFirstOrThrow()
  return row.count
}

export async function deleteExpiredHoldings(tx: Sql, expiry: Expiry): Promise<number> {
  const result = await tables(tx)
    .deleteFrom('holdings')
    .where(eb => isExpired(eb, expiry))
    .executeTakeFirst()
  return Number(result.numDeletedRows)
}

/** Files after `last` to which no holding refers that is worth anything. */
export async function pageOfUnheldFiles(sql: Sql, last: string, expiry: Expiry): Promise<string[]> {
  const rows = await tables(sql)
    .selectFrom('files')
    .select('hash')
    .where('hash', '>', last)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('holdings')
            .select('holdings.holder')
            .whereRef('holdings.file_hash', '=', 'files.hash')
            .where(eb =>
              eb.not(isExpired(eb as unknown as ExpressionBuilder<BlobTables, 'holdings'>, expiry)),
            ),
        ),
      ),
    )
    .orderBy('hash')
    .limit(statementBatch)
    .execute()
  return rows.map(row => row.hash)
}

/** Deletes those of `hashes` to which no holding refers now. Returns how many. */
export async function deleteUnheldFiles(tx: Sql, hashes: readonly string[]): Promise<number> {
  await lockFiles(tx, hashes)
  const deleted = await tables(tx)
    .deleteFrom('files')
    .where('hash', 'in', hashes)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('holdings').select('holdings.holder').whereRef('holdings.file_hash', '=', 'files.hash'),
        ),
      ),
    )
    .returning('hash')
    .execute()
  for (const batch of inBatches(deleted.map(row => row.hash))) {
    await tables(tx).deleteFrom('file_xorbs').where('file_hash', 'in', batch).execute()
  }
  return deleted.length
}

function isUnused({ not, exists, selectFrom }: ExpressionBuilder<BlobTables, 'xorbs'>) {
  return not(
    exists(
      selectFrom('file_xorbs')
        .select('file_xorbs.file_hash')
        .whereRef('file_xorbs.xorb_hash', '=', 'xorbs.hash'),
    ),
  )
}

/** Takes the mark off xorbs that a file uses. */
export async function unmarkUsedXorbs(sql: Sql): Promise<void> {
  await tables(sql)
    .updateTable('xorbs')
    .set({ unreferenced_since: null })
    .where('unreferenced_since', 'is not', null)
    .where('doomed_at', 'is', null)
    .where(eb => eb.not(isUnused(eb)))
    .execute()
}

/** Xorbs after `last` that no file uses and that bear no mark yet. */
export async function pageOfUnmarkedXorbs(sql: Sql, last: string): Promise<XorbsTable[]> {
  return await tables(sql)
    .selectFrom('xorbs')
    .selectAll()
    .where('hash', '>', last)
    .where('unreferenced_since', 'is', null)
    .where('doomed_at', 'is', null)
    .where(isUnused)
    .orderBy('hash')
    .limit(statementBatch)
    .execute()
}

export async function markXorbs(sql: Sql, hashes: readonly string[], now: number): Promise<void> {
  await tables(sql)
    .updateTable('xorbs')
    .set({ unreferenced_since: now })
    .where('hash', 'in', hashes)
    .where('unreferenced_since', 'is', null)
    .where('doomed_at', 'is', null)
    .execute()
}

/** Xorbs after `last` that no file uses and that were marked at `before` or earlier. */
export async function pageOfDueXorbs(sql: Sql, last: string, before: number): Promise<XorbsTable[]> {
  return await tables(sql)
    .selectFrom('xorbs')
    .selectAll()
    .where('hash', '>', last)
    .where('unreferenced_since', '<=', before)
    .where('doomed_at', 'is', null)
    .where(isUnused)
    .orderBy('hash')
    .limit(100)
    .execute()
}

/** Dooms those of `hashes` that nobody has begun to use meanwhile. Returns them. */
export async function doomXorbs(
  tx: Sql,
  hashes: readonly string[],
  before: number,
  now: number,
): Promise<XorbsTable[]> {
  await tables(tx)
    .updateTable('xorbs')
    .set(eb => ({ chunk_count: eb.ref('chunk_count') }))
    .where('hash', 'in', hashes)
    .execute()
  return await tables(tx)
    .updateTable('xorbs')
    .set({ doomed_at: now })
    .where('hash', 'in', hashes)
    .where('unreferenced_since', '<=', before)
    .where('doomed_at', 'is', null)
    .where(isUnused)
    .returningAll()
    .execute()
}

/** Takes the names of objects that have no row, or lost theirs before, so that they cannot be recorded while they are deleted. Returns those taken. */
export async function doomOrphans(tx: Sql, hashes: readonly string[], now: number): Promise<string[]> {
  const rows = await tables(tx)
    .insertInto('xorbs')
    .values(
      hashes.map(hash => ({
        hash,
        chunk_count: 0,
        raw_bytes: 0,
        frames_bytes: 0,
        object_bytes: 0,
        uploaded_for: '',
        created_at: now,
        unreferenced_since: now,
        doomed_at: now,
        removal: null,
      })),
    )
    .onConflict(conflict =>
      conflict
        .column('hash')
        .doUpdateSet({ doomed_at: now, removal: null })
        .where('xorbs.removal', 'is not', null),
    )
    .returning('hash')
    .execute()
  return rows.map(row => row.hash)
}

/** Xorbs that a run doomed at `before` or earlier and did not finish. */
export async function findAbandonedXorbs(sql: Sql, before: number): Promise<XorbsTable[]> {
  return await tables(sql)
    .selectFrom('xorbs')
    .selectAll()
    .where('doomed_at', '<=', before)
    .where('removal', 'is', null)
    .execute()
}

/** Dooms those of `hashes` anew that a run doomed at `before` or earlier and did not finish: from now on it is for the caller to. */
export async function takeAbandonedXorbs(
  sql: Sql,
  hashes: readonly string[],
  before: number,
  now: number,
): Promise<string[]> {
  const taken: string[] = []
  for (const batch of inBatches(hashes)) {
    const rows = await tables(sql)
      .updateTable('xorbs')
      .set({ doomed_at: now })
      .where('hash', 'in', batch)
      .where('doomed_at', '<=', before)
      .where('removal', 'is', null)
      .returning('hash')
      .execute()
    taken.push(...rows.map(row => row.hash))
  }
  return taken
}

/** The objects of these doomed xorbs are deleted; `removal` names that. */
export async function endRemoval(tx: Sql, hashes: readonly string[], removal: string): Promise<void> {
  await tables(tx).deleteFrom('chunk_index').where('xorb_hash', 'in', hashes).execute()
  await tables(tx)
    .updateTable('xorbs')
    .set({ removal })
    .where('hash', 'in', hashes)
    .where('doomed_at', 'is not', null)
    .where('removal', 'is', null)
    .execute()
}

/** Forgets xorbs doomed at `before` or earlier whose objects are deleted: no upload that stored one before that is still about to record it. */
export async function forgetRemovedXorbs(sql: Sql, before: number): Promise<void> {
  await tables(sql)
    .deleteFrom('xorbs')
    .where('doomed_at', '<=', before)
    .where('removal', 'is not', null)
    .execute()
}

/** Those of `ids` that are multipart uploads. */
export async function findUploads(sql: Sql, ids: readonly string[]): Promise<Set<string>> {
  const rows = await tables(sql).selectFrom('uploads').select('id').where('id', 'in', ids).execute()
  return new Set(rows.map(row => row.id))
}
