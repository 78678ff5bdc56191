import type { Database, Sql } from '../../ports/database.ts'
import { FileNotHeld, FileRefuted } from './errors.ts'
import { proveClaim } from './jobs.ts'
import type { BlobParts } from './parts.ts'
import {
  commitHoldings,
  copyHoldings,
  deleteHoldings,
  deleteSomeHoldings,
  findCommitted,
  findDamagedFiles,
  findHeld,
  findProven,
  type HeldFile,
  lastCommitted,
  lockFiles,
  pageOfCommitted,
  saveHoldings,
} from './store-files.ts'
import { type StoredFile, stateOf } from './stored-file.ts'

/** Some 50 ms of SQLite, in which nobody else writes. */
const filesPerTransaction = 1000

/** What `holder` has under these sha256s; one without is left out. One query for each 500. */
export async function describeFiles(
  sql: Sql,
  holder: string,
  sha256s: Iterable<string>,
): Promise<Map<string, StoredFile>> {
  const held = await findHeld(sql, holder, sha256s)
  return new Map(held.map(file => [file.sha256, toStoredFile(file)]))
}

/** `describeFiles` of one sha256, remembered until any file or holding changes. */
export function fileLookup(
  database: Database,
): (holder: string, sha256: string) => StoredFile | undefined | Promise<StoredFile | undefined> {
  const lookup = database.remember({
    tables: ['holdings', 'files'],
    max: 50_000,
    async load(key) {
      const sha256 = key.slice(-64)
      return (await describeFiles(database.sql, key.slice(0, -64), [sha256])).get(sha256)
    },
  })
  return (holder, sha256) => lookup(holder + sha256)
}

/** Marks what a commit refers to, in its transaction. Throws FileNotHeld or FileRefuted. */
export async function holdFiles(
  parts: Pick<BlobParts, 'clock'>,
  tx: Sql,
  holder: string,
  sha256s: readonly string[],
): Promise<void> {
  await findAll(tx, holder, sha256s)
  const committed = await commitHoldings(tx, holder, sha256s, parts.clock())
  throwMissing(holder, sha256s, committed)
}

/** Reads those of these files that nobody has read yet, so that their state is known. Takes as long as that takes. */
export async function proveFiles(
  parts: BlobParts,
  holder: string,
  sha256s: readonly string[],
): Promise<void> {
  const held = await findHeld(parts.database.sql, holder, sha256s)
  for (const { fileHash, provenSha256 } of held) {
    if (provenSha256 === null) await proveClaim(parts, fileHash)
  }
}

/** Lets `to` refer to what `from` has uploaded, pinned to the same files. It still has to be held. Throws FileNotHeld or FileRefuted. */
export async function takeFiles(
  parts: Pick<BlobParts, 'clock'>,
  tx: Sql,
  { from, to, sha256s }: { from: string; to: string; sha256s: readonly string[] },
): Promise<void> {
  const held = await findAll(tx, from, sha256s)
  await refer(tx, to, held, parts.clock())
}

/** Asks that commits of `from` refer to these files with these Xet hashes. */
export interface SharedFile {
  readonly sha256: string
  readonly fileHash: string
}

/**
 * Lets `to` refer to files that commits of `from` refer to, as if it had uploaded them. Returns the sha256s of those that
 * it may: what `from` has under another Xet hash, has not committed, or was refuted, is left out.
 */
export async function shareFiles(
  parts: Pick<BlobParts, 'clock'>,
  tx: Sql,
  { from, to, files }: { from: string; to: string; files: readonly SharedFile[] },
): Promise<Set<string>> {
  const wanted = new Map(files.map(file => [file.sha256, file.fileHash]))
  const found = await findCommitted(tx, from, wanted.keys())
  const good = found.filter(
    file =>
      file.fileHash === wanted.get(file.sha256) && stateOf(file.sha256, file.provenSha256) !== 'refuted',
  )
  const kept = await refer(tx, to, good, parts.clock())
  return new Set(good.filter(file => kept.has(file.fileHash)).map(file => file.sha256))
}

/** What commits of `holder` refer to, a page after sha256 `last` in order. */
export async function listCommitted(
  sql: Sql,
  holder: string,
  last: string,
  limit: number,
): Promise<(StoredFile & { committedAt: number })[]> {
  const page = await pageOfCommitted(sql, holder, last, limit)
  return page.map(file => ({ ...toStoredFile(file), committedAt: file.committedAt }))
}

/**
 * Lets `to` hold what commits of `from` refer to, pinned to the same files: a page in order of sha256, those after `last`.
 * Returns the last sha256 of it; undefined when there was none. The caller keeps `from` from releasing any of them until
 * the transaction ends.
 */
export async function sharePage(
  tx: Sql,
  { from, to, last }: { from: string; to: string; last: string },
): Promise<string | undefined> {
  const end = await lastCommitted(tx, from, last, filesPerTransaction)
  if (end !== undefined) await copyHoldings(tx, { from, to, last, end })
  return end
}

/** Forgets that `holder` refers to these files. Bytes that nobody else needs are collected after the grace period. */
export async function releaseFiles(tx: Sql, holder: string, sha256s: readonly string[]): Promise<void> {
  await deleteHoldings(tx, holder, sha256s)
}

/**
 * The holder is gone: forgets what it refers to, as much as one transaction should. Returns how many files that were, 0
 * when nothing was left. What is never asked for is collected.
 */
export async function releaseHolder(tx: Sql, holder: string): Promise<number> {
  return await deleteSomeHoldings(tx, holder, filesPerTransaction)
}

/**
 * Which of these are stored, whole as far as is known, proven, and committed by a holder within the reach of this user. Only what a user could
 * read anyway may be answered as "already there": whether hidden content exists must not show.
 */
export async function findReadable(
  parts: Pick<BlobParts, 'database' | 'reachable'>,
  subject: string | undefined,
  sha256s: Iterable<string>,
): Promise<Map<string, StoredFile>> {
  const proven = await findProven(parts.database.sql, sha256s)
  if (proven.length === 0) return new Map()
  const reachable = await parts.reachable(subject, [...new Set(proven.map(file => file.holder))])
  const damaged = await findDamagedFiles(
    parts.database.sql,
    proven.map(file => file.fileHash),
  )
  const readable = proven.filter(file => reachable.has(file.holder) && !damaged.has(file.fileHash))
  return new Map(readable.map(file => [file.sha256, toStoredFile(file)]))
}

/** Lets `holder` refer to those of these files that the user can read elsewhere, as if it had uploaded them. Returns them. */
export async function adoptFiles(
  parts: Pick<BlobParts, 'database' | 'reachable' | 'clock'>,
  subject: string | undefined,
  holder: string,
  sha256s: Iterable<string>,
): Promise<Map<string, StoredFile>> {
  const readable = await findReadable(parts, subject, sha256s)
  if (readable.size === 0) return readable
  const kept = await parts.database.transaction(tx =>
    refer(tx, holder, [...readable.values()], parts.clock()),
  )
  for (const [sha256, file] of readable) if (!kept.has(file.fileHash)) readable.delete(sha256)
  return readable
}

/** Writes holdings of files that were read before; those collected since are left out. Returns the hashes of the others. */
async function refer(
  tx: Sql,
  holder: string,
  files: readonly (HeldFile | StoredFile)[],
  now: number,
): Promise<Set<string>> {
  const locked = await lockFiles(
    tx,
    files.map(file => file.fileHash),
  )
  const claims = files
    .filter(file => locked.has(file.fileHash))
    .map(({ sha256, fileHash }) => ({ sha256, fileHash, isProven: locked.get(fileHash) === sha256 }))
  await saveHoldings(tx, holder, claims, now)
  return new Set(locked.keys())
}

async function findAll(tx: Sql, holder: string, sha256s: readonly string[]): Promise<HeldFile[]> {
  const held = await findHeld(tx, holder, new Set(sha256s))
  throwMissing(holder, sha256s, new Set(held.map(file => file.sha256)))
  const refuted = held.find(file => stateOf(file.sha256, file.provenSha256) === 'refuted')
  if (refuted) throw new FileRefuted(refuted.sha256, refuted.fileHash)
  return held
}

function throwMissing(holder: string, wanted: readonly string[], found: ReadonlySet<string>): void {
  const missing = wanted.filter(sha256 => !found.has(sha256))
  if (missing.length > 0) throw new FileNotHeld(holder, missing)
}

function toStoredFile({ fileHash, sha256, size, provenSha256 }: HeldFile): StoredFile {
  return { fileHash, sha256, size, state: stateOf(sha256, provenSha256) }
}
