import type { Sql } from '../../ports/database.ts'
import { inBatches } from './batches.ts'
import type { BlobTables } from './tables.ts'

/** SQL about files and who holds them. Every function takes the connection or the transaction that it runs in. */

const tables = (sql: Sql) => sql.withTables<BlobTables>()

export async function findTerms(sql: Sql, fileHash: string): Promise<Uint8Array | undefined> {
  const row = await tables(sql)
    .selectFrom('files')
    .select('terms')
    .where('hash', '=', fileHash)
    .executeTakeFirst()
  return row?.terms
}

/** What the bytes of a file hash to: null while nobody has read them, undefined when there is no such file. */
export async function findSha256(sql: Sql, fileHash: string): Promise<string | null | undefined> {
  const row = await tables(sql)
    .selectFrom('files')
    .select('sha256')
    .where('hash', '=', fileHash)
    .executeTakeFirst()
  return row?.sha256
}

export interface NewFile {
  readonly hash: string
  /** Given only when all bytes have been read. */
  readonly sha256: string | null
  readonly size: number
  readonly terms: Uint8Array
  readonly xorbs: readonly string[]
}

/**
 * Records files, and keeps collection off them until the transaction ends. Files that exist keep their terms, unless these
 * lead to a damaged xorb, and learn their sha256 if it was unknown. Returns what is now known of each: hash → sha256 or null.
 */
export async function saveFiles(
  tx: Sql,
  files: readonly NewFile[],
  now: number,
): Promise<Map<string, string | null>> {
  const known = await lockFiles(
    tx,
    files.map(file => file.hash),
  )
  // Each hash is the content's: other terms lead to the same bytes.
  const damaged = await findDamagedFiles(tx, known.keys())
  for (const file of files) {
    if (!damaged.has(file.hash)) continue
    await tables(tx).updateTable('files').set({ terms: file.terms }).where('hash', '=', file.hash).execute()
    await tables(tx).deleteFrom('file_xorbs').where('file_hash', '=', file.hash).execute()
  }
  const missing = files.filter(file => !known.has(file.hash))
  for (const batch of inBatches(missing, 100)) {
    await tables(tx)
      .insertInto('files')
      .values(batch.map(({ hash, sha256, size, terms }) => ({ hash, sha256, size, terms, created_at: now })))
      .onConflict(conflict => conflict.doNothing())
      .execute()
  }
  const rewritten = files.filter(file => !known.has(file.hash) || damaged.has(file.hash))
  const rows = rewritten.flatMap(file => file.xorbs.map(xorb_hash => ({ file_hash: file.hash, xorb_hash })))
  for (const batch of inBatches(rows)) {
    await tables(tx)
      .insertInto('file_xorbs')
      .values(batch)
      .onConflict(conflict => conflict.doNothing())
      .execute()
  }
  // Another transaction may have inserted one of them first; then that row is the one to lock.
  const inserted = await lockFiles(
    tx,
    missing.map(file => file.hash),
  )
  for (const [hash, sha256] of inserted) known.set(hash, sha256)
  for (const file of files) {
    if (!known.has(file.hash)) throw new Error(`file ${file.hash} vanished while it was saved`)
    if (file.sha256 !== null && known.get(file.hash) === null) {
      await proveFile(tx, file.hash, file.sha256)
      known.set(file.hash, file.sha256)
    }
  }
  return known
}

/** Those of these files that need a xorb which is known to be damaged. There is hardly ever one, so that is asked first. */
export async function findDamagedFiles(sql: Sql, hashes: Iterable<string>): Promise<Set<string>> {
  const damaged = new Set<string>()
  const any = await tables(sql)
    .selectFrom('xorbs')
    .select('hash')
    .where('damaged_at', 'is not', null)
    .limit(1)
    .executeTakeFirst()
  if (!any) return damaged
  for (const batch of inBatches(hashes)) {
    const rows = await tables(sql)
      .selectFrom('file_xorbs')
      .innerJoin('xorbs', 'xorbs.hash', 'file_xorbs.xorb_hash')
      .select('file_xorbs.file_hash')
      .distinct()
      .where('file_xorbs.file_hash', 'in', batch)
      .where('xorbs.damaged_at', 'is not', null)
      .execute()
    for (const row of rows) damaged.add(row.file_hash)
  }
  return damaged
}

/** Writes the rows without changing them, which locks them. Returns those that exist with their sha256. */
export async function lockFiles(tx: Sql, hashes: readonly string[]): Promise<Map<string, string | null>> {
  const locked = new Map<string, string | null>()
  for (const batch of inBatches([...hashes].sort())) {
    const rows = await tables(tx)
      .updateTable('files')
      .set(eb => ({ size: eb.ref('size') }))
      .where('hash', 'in', batch)
      .returning(['hash', 'sha256'])
      .execute()
    for (const row of rows) locked.set(row.hash, row.sha256)
  }
  return locked
}

/** Records what the bytes of a file hash to, once for all. */
export async function proveFile(sql: Sql, fileHash: string, sha256: string): Promise<void> {
  await tables(sql)
    .updateTable('files')
    .set({ sha256 })
    .where('hash', '=', fileHash)
    .where('sha256', 'is', null)
    .execute()
}

export interface HeldFile {
  readonly holder: string
  readonly sha256: string
  readonly fileHash: string
  readonly size: number
  /** What the bytes hash to, null while nobody has read them. */
  readonly provenSha256: string | null
}

function heldFiles(sql: Sql) {
  return tables(sql)
    .selectFrom('holdings')
    .innerJoin('files', 'files.hash', 'holdings.file_hash')
    .select([
      'holdings.holder',
      'holdings.sha256',
      'holdings.file_hash as fileHash',
      'files.size',
      'files.sha256 as provenSha256',
    ])
}

/** Sizes of what commits of `holder` refer to, each file once. */
export async function heldBytes(sql: Sql, holder: string): Promise<number> {
  const held = tables(sql)
    .selectFrom('holdings')
    .select('file_hash')
    .where('holder', '=', holder)
    .where('committed_at', 'is not', null)
  const { bytes } = await tables(sql)
    .selectFrom('files')
    .select(({ fn }) => fn.sum<number | null>('size').as('bytes'))
    .where('hash', 'in', held)
    .executeTakeFirstOrThrow()
  return bytes ?? 0
}

export async function findHeld(sql: Sql, holder: string, sha256s: Iterable<string>): Promise<HeldFile[]> {
  const held: HeldFile[] = []
  for (const batch of inBatches(sha256s)) {
    held.push(
      ...(await heldFiles(sql)
        .where('holdings.holder', '=', holder)
        .where('holdings.sha256', 'in', batch)
        .execute()),
    )
  }
  return held
}

/** Since when commits of `holder` refer to these. */
export async function committedAt(
  sql: Sql,
  holder: string,
  sha256s: Iterable<string>,
): Promise<Map<string, number>> {
  const times = new Map<string, number>()
  for (const batch of inBatches(sha256s)) {
    const rows = await tables(sql)
      .selectFrom('holdings')
      .select(['sha256', 'committed_at'])
      .where('holder', '=', holder)
      .where('sha256', 'in', batch)
      .where('committed_at', 'is not', null)
      .execute()
    for (const { sha256, committed_at } of rows) times.set(sha256, committed_at as number)
  }
  return times
}

/** What `holder` refers to with these Xet files; the same file may be held under a true and a false sha256. */
export async function findHeldByFile(
  sql: Sql,
  holder: string,
  fileHashes: Iterable<string>,
): Promise<HeldFile[]> {
  const held: HeldFile[] = []
  for (const batch of inBatches(fileHashes)) {
    held.push(
      ...(await heldFiles(sql)
        .where('holdings.file_hash', 'in', batch)
        .where('holdings.holder', '=', holder)
        .execute()),
    )
  }
  return held
}

/** Committed holdings by anyone whose bytes are proven to hash to these sha256s; at most 1000 a batch. */
export async function findProven(sql: Sql, sha256s: Iterable<string>): Promise<HeldFile[]> {
  const held: HeldFile[] = []
  for (const batch of inBatches(sha256s, 100)) {
    held.push(
      ...(await heldFiles(sql)
        .where('holdings.sha256', 'in', batch)
        .where('holdings.committed_at', 'is not', null)
        .whereRef('files.sha256', '=', 'holdings.sha256')
        .orderBy('holdings.committed_at')
        .limit(1000)
        .execute()),
    )
  }
  return held
}

/**
 * Lets `holder` refer to these files. A sha256 that it holds already stays pinned to its file, unless that one is
 * refuted, or unproven while the new one is proven. The files must be locked.
 */
export async function saveHoldings(
  tx: Sql,
  holder: string,
  claims: readonly { sha256: string; fileHash: string; isProven: boolean }[],
  now: number,
): Promise<void> {
  const bySha256 = new Map(claims.map(claim => [claim.sha256, claim]))
  const held = new Map((await findHeld(tx, holder, bySha256.keys())).map(file => [file.sha256, file]))
  for (const batch of inBatches([...bySha256.values()].filter(claim => !held.has(claim.sha256)))) {
    await tables(tx)
      .insertInto('holdings')
      .values(
        batch.map(({ sha256, fileHash }) => ({
          holder,
          sha256,
          file_hash: fileHash,
          committed_at: null,
          created_at: now,
        })),
      )
      .onConflict(conflict => conflict.doNothing())
      .execute()
  }
  for (const batch of inBatches(held.keys())) {
    // Uploaded again, so wanted again: the wait for its commit begins anew.
    await tables(tx)
      .updateTable('holdings')
      .set({ created_at: now })
      .where('holder', '=', holder)
      .where('sha256', 'in', batch)
      .where('committed_at', 'is', null)
      .execute()
  }
  for (const [sha256, old] of held) {
    const claim = bySha256.get(sha256)!
    if (old.fileHash === claim.fileHash) continue
    const isRefuted = old.provenSha256 !== null && old.provenSha256 !== sha256
    const isOvertaken = old.provenSha256 === null && claim.isProven
    if (!isRefuted && !isOvertaken) continue
    await tables(tx)
      .updateTable('holdings')
      .set({ file_hash: claim.fileHash })
      .where('holder', '=', holder)
      .where('sha256', '=', sha256)
      .execute()
  }
}

/** Marks what a commit now refers to. Returns those that the holder has. */
export async function commitHoldings(
  tx: Sql,
  holder: string,
  sha256s: Iterable<string>,
  now: number,
): Promise<Set<string>> {
  const committed = new Set<string>()
  for (const batch of inBatches(sha256s)) {
    const rows = await tables(tx)
      .updateTable('holdings')
      .set(eb => ({ committed_at: eb.fn.coalesce('committed_at', eb.val(now)) }))
      .where('holder', '=', holder)
      .where('sha256', 'in', batch)
      .returning('sha256')
      .execute()
    for (const row of rows) committed.add(row.sha256)
  }
  return committed
}

/** Deletes at most `limit` of what `holder` refers to. Returns how many there were. */
export async function deleteSomeHoldings(tx: Sql, holder: string, limit: number): Promise<number> {
  const some = tables(tx).selectFrom('holdings').select('sha256').where('holder', '=', holder).limit(limit)
  const deleted = await tables(tx)
    .deleteFrom('holdings')
    .where('holder', '=', holder)
    .where('sha256', 'in', some)
    .executeTakeFirst()
  return Number(deleted.numDeletedRows)
}

export async function deleteHoldings(tx: Sql, holder: string, sha256s: Iterable<string>): Promise<void> {
  for (const batch of inBatches(sha256s)) {
    await tables(tx)
      .deleteFrom('holdings')
      .where('holder', '=', holder)
      .where('sha256', 'in', batch)
      .execute()
  }
}

/** A file that commits of its holder refer to. */
export interface CommittedFile extends HeldFile {
  /** When the first of them was made. */
  readonly committedAt: number
}

/** A page of what commits of `holder` refer to: those after sha256 `last`, in order. */
export async function pageOfCommitted(
  sql: Sql,
  holder: string,
  last: string,
  limit: number,
): Promise<CommittedFile[]> {
  const rows = await heldFiles(sql)
    .select('holdings.committed_at as committedAt')
    .where('holdings.holder', '=', holder)
    .where('holdings.sha256', '>', last)
    .where('holdings.committed_at', 'is not', null)
    .orderBy('holdings.sha256')
    .limit(limit)
    .execute()
  return rows as CommittedFile[]
}

/** The last sha256 of such a page of at most `limit`; undefined when there is none. */
export async function lastCommitted(
  sql: Sql,
  holder: string,
  last: string,
  limit: number,
): Promise<string | undefined> {
  const page = tables(sql)
    .selectFrom('holdings')
    .select('sha256')
    .where('holder', '=', holder)
    .where('sha256', '>', last)
    .where('committed_at', 'is not', null)
    .orderBy('sha256')
    .limit(limit)
  const row = await sql
    .selectFrom(page.as('page'))
    .select(eb => eb.fn.max('page.sha256').as('end'))
    .executeTakeFirst()
  return row?.end ?? undefined
}

/**
 * Lets `to` hold what commits of `from` refer to, of the sha256s after `last` up to `end`; not what was refuted. A file is
 * kept from collection by what `from` holds, which must not be released meanwhile; one that is not proven yet by a lock,
 * because an upload may put a proven one in its place.
 */
export async function copyHoldings(
  tx: Sql,
  { from, to, last, end }: { from: string; to: string; last: string; end: string },
): Promise<void> {
  const page = tables(tx)
    .selectFrom('holdings')
    .where('holder', '=', from)
    .where('holdings.sha256', '>', last)
    .where('holdings.sha256', '<=', end)
    .where('committed_at', 'is not', null)
  await tables(tx)
    .updateTable('files')
    .set(eb => ({ size: eb.ref('size') }))
    .where('sha256', 'is', null)
    .where('hash', 'in', page.select('file_hash'))
    .execute()
  await tables(tx)
    .insertInto('holdings')
    .columns(['holder', 'sha256', 'file_hash', 'committed_at', 'created_at'])
    .expression(
      page
        .innerJoin('files', 'files.hash', 'holdings.file_hash')
        .where(eb =>
          eb.or([eb('files.sha256', 'is', null), eb('files.sha256', '=', eb.ref('holdings.sha256'))]),
        )
        .select(eb => [
          eb.cast<string>(eb.val(to), 'text').as('holder'),
          'holdings.sha256',
          'file_hash',
          'committed_at',
          'holdings.created_at',
        ]),
    )
    .execute()
}

/** Of these files those that commits of `holder` refer to. */
export async function findCommitted(
  sql: Sql,
  holder: string,
  sha256s: Iterable<string>,
): Promise<HeldFile[]> {
  const held: HeldFile[] = []
  for (const batch of inBatches(sha256s)) {
    held.push(
      ...(await heldFiles(sql)
        .where('holdings.holder', '=', holder)
        .where('holdings.sha256', 'in', batch)
        .where('holdings.committed_at', 'is not', null)
        .execute()),
    )
  }
  return held
}

/** Files that use this xorb, the one whose size is nearest to `size` first. */
export async function findFilesNear(
  sql: Sql,
  xorbHash: string,
  size: number,
  limit: number,
): Promise<string[]> {
  const rows = await tables(sql)
    .selectFrom('file_xorbs')
    .innerJoin('files', 'files.hash', 'file_xorbs.file_hash')
    .select('files.hash')
    .where('file_xorbs.xorb_hash', '=', xorbHash)
    .orderBy(eb => eb.fn<number>('abs', [eb('files.size', '-', size)]))
    .limit(limit)
    .execute()
  return rows.map(row => row.hash)
}

export async function findLargest(sql: Sql, fileHashes: readonly string[]): Promise<string | undefined> {
  const [batch] = inBatches(fileHashes)
  if (!batch) return undefined
  const row = await tables(sql)
    .selectFrom('files')
    .select('hash')
    .where('hash', 'in', batch)
    .orderBy('size', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row?.hash
}
