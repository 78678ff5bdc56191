import type { Sql } from '../../ports/database.ts'
import { inBatches } from './batches.ts'
import { XorbBeingCollected } from './errors.ts'
import type { BlobTables, ChunkIndexTable, XorbsTable } from './tables.ts'

/** SQL about xorbs and the chunks in them. Every function takes the connection or the transaction that it runs in. */

const tables = (sql: Sql) => sql.withTables<BlobTables>()

/** Those of `hashes` that are stored, doomed ones too. */
export async function findXorbs(sql: Sql, hashes: Iterable<string>): Promise<Map<string, XorbsTable>> {
  const found = new Map<string, XorbsTable>()
  for (const batch of inBatches(hashes)) {
    const rows = await tables(sql)
      .selectFrom('xorbs')
      .selectAll()
      .where('hash', 'in', batch)
      .where('removal', 'is', null)
      .execute()
    for (const row of rows) found.set(row.hash, row)
  }
  return found
}

/**
 * The deletion that has taken the object of this xorb, if one has: whoever stores it again says so to `saveXorb`.
 * Throws XorbBeingCollected while it is being deleted.
 */
export async function findRemoval(sql: Sql, hash: string): Promise<string | undefined> {
  const row = await tables(sql)
    .selectFrom('xorbs')
    .select(['doomed_at', 'removal'])
    .where('hash', '=', hash)
    .executeTakeFirst()
  if (!row || row.doomed_at === null) return undefined
  if (row.removal === null) throw new XorbBeingCollected(hash)
  return row.removal
}

/**
 * Records a xorb whose object is stored. A row that is there already is brought in line with the object, which it
 * may have lost and got back, or was `isRepaired`: stored in the place of a damaged one. `removal` is what `findRemoval` gave
 * before the object was stored; throws XorbBeingCollected when it may have been deleted since.
 */
export async function saveXorb(
  tx: Sql,
  xorb: Omit<XorbsTable, 'unreferenced_since' | 'doomed_at' | 'removal' | 'damaged_at'>,
  { removal, isRepaired }: { removal: string | undefined; isRepaired: boolean },
): Promise<void> {
  const { frames_bytes, object_bytes, created_at } = xorb
  // Readers keep the index of an object by when it was made.
  const repaired = isRepaired ? { damaged_at: null, created_at } : {}
  if (removal !== undefined) {
    await tables(tx)
      .deleteFrom('xorbs')
      .where('hash', '=', xorb.hash)
      .where('removal', '=', removal)
      .execute()
  }
  await tables(tx)
    .insertInto('xorbs')
    .values({ ...xorb, unreferenced_since: null, doomed_at: null, removal: null, damaged_at: null })
    .onConflict(conflict =>
      conflict
        .column('hash')
        .doUpdateSet({ frames_bytes, object_bytes, unreferenced_since: null, ...repaired }),
    )
    .execute()
  const saved = await tables(tx)
    .selectFrom('xorbs')
    .select('doomed_at')
    .where('hash', '=', xorb.hash)
    .executeTakeFirstOrThrow()
  if (saved.doomed_at !== null) throw new XorbBeingCollected(xorb.hash)
}

/**
 * Says that these xorbs are in use, and keeps collection off them until the transaction ends: the rows are written,
 * so locked. Returns those that exist, are not doomed and not known to be damaged.
 */
export async function useXorbs(tx: Sql, hashes: Iterable<string>): Promise<Set<string>> {
  const used = new Set<string>()
  // Sorted, so that two transactions that need the same rows take them in the same order.
  for (const batch of inBatches([...hashes].sort())) {
    const rows = await tables(tx)
      .updateTable('xorbs')
      .set({ unreferenced_since: null })
      .where('hash', 'in', batch)
      .where('doomed_at', 'is', null)
      .where('damaged_at', 'is', null)
      .returning('hash')
      .execute()
    for (const row of rows) used.add(row.hash)
  }
  return used
}

/** Notes that the object of this row is not what was stored, unless it was stored anew or let go since the row was read. */
export async function markDamaged(sql: Sql, row: XorbsTable, now: number): Promise<void> {
  await tables(sql)
    .updateTable('xorbs')
    .set({ damaged_at: now })
    .where('hash', '=', row.hash)
    .where('created_at', '=', row.created_at)
    .where('object_bytes', '=', row.object_bytes)
    .where('doomed_at', 'is', null)
    .where('damaged_at', 'is', null)
    .execute()
}

/** The object is what was stored after all: somebody has put it back. */
export async function unmarkDamaged(sql: Sql, row: XorbsTable): Promise<void> {
  await tables(sql)
    .updateTable('xorbs')
    .set({ damaged_at: null })
    .where('hash', '=', row.hash)
    .where('damaged_at', '=', row.damaged_at)
    .execute()
}

/** A chunk that a xorb holds twice is kept at its first place. */
export async function indexChunks(tx: Sql, entries: readonly ChunkIndexTable[]): Promise<void> {
  for (const batch of inBatches(entries)) {
    await tables(tx)
      .insertInto('chunk_index')
      .values(batch)
      .onConflict(conflict => conflict.doNothing())
      .execute()
  }
}

/** Where the indexed ones of these chunks lie, in xorbs that are neither doomed nor damaged, the oldest xorb first. */
export async function findIndexedChunks(sql: Sql, chunkHashes: Iterable<string>): Promise<ChunkIndexTable[]> {
  const found: ChunkIndexTable[] = []
  for (const batch of inBatches(chunkHashes)) {
    const rows = await tables(sql)
      .selectFrom('chunk_index')
      .innerJoin('xorbs', 'xorbs.hash', 'chunk_index.xorb_hash')
      .select(['chunk_index.chunk_hash', 'chunk_index.xorb_hash', 'chunk_index.position'])
      .where('chunk_index.chunk_hash', 'in', batch)
      .where('xorbs.doomed_at', 'is', null)
      .where('xorbs.damaged_at', 'is', null)
      .orderBy('xorbs.created_at')
      // One chunk (zeros, a licence text) may be in very many xorbs; any few will do.
      .limit(batch.length * 8)
      .execute()
    found.push(...rows)
  }
  return found
}

export interface XorbUse {
  readonly xorb_hash: string
  readonly file_hash: string
  readonly holder: string
}

/**
 * Who refers to files that use these xorbs: the committed holdings of anyone and all of `holder`, its own first.
 * At most 1000, for a chunk of a popular model has as many holders as the model has copies.
 */
export async function findXorbUses(
  sql: Sql,
  xorbHashes: readonly string[],
  holder: string,
): Promise<XorbUse[]> {
  const uses: XorbUse[] = []
  for (const batch of inBatches(xorbHashes)) {
    const base = tables(sql)
      .selectFrom('file_xorbs')
      .innerJoin('holdings', 'holdings.file_hash', 'file_xorbs.file_hash')
      .select(['file_xorbs.xorb_hash', 'file_xorbs.file_hash', 'holdings.holder'])
      .distinct()
      .where('file_xorbs.xorb_hash', 'in', batch)
    uses.push(...(await base.where('holdings.holder', '=', holder).limit(1000).execute()))
    uses.push(
      ...(await base
        .where('holdings.holder', '<>', holder)
        .where('holdings.committed_at', 'is not', null)
        .limit(1000)
        .execute()),
    )
  }
  return uses
}
