import { sliceChunks, totalLength } from '../../formats/chunk-list.ts'
import { FileHasher } from '../../formats/merkle.ts'
import { HASH_BYTES, hashToText } from '../../formats/xet-hash.ts'
import { HubError } from '../../kernel/errors.ts'
import { StorageFault, storageFault } from '../../kernel/storage-faults.ts'
import { inspectObject, measureObject } from './damage.ts'
import type { BlobParts } from './parts.ts'
import {
  countFiles,
  countXorbs,
  type FileRow,
  filesWith,
  findBrokenHoldings,
  pageOfFiles,
  xorbsBetween,
  xorbUsesOf,
} from './store-check.ts'
import { findSha256 } from './store-files.ts'
import { findXorbs, markDamaged, unmarkDamaged } from './store-xorbs.ts'
import type { XorbsTable } from './tables.ts'
import { type FileTerms, unpackTerms, xorbsOf } from './terms.ts'
import { xorbHashOf, xorbKey, xorbPrefix } from './xorb-objects.ts'

export interface CheckFinding {
  /** An error is content that cannot be served as it was stored; a notice is something that gc will clear away. */
  readonly severity: 'error' | 'notice'
  /** `xorb <hash>`, `file <hash>`, `object <key>`, `holding <holder> <sha256>`. */
  readonly subject: string
  readonly words: string
}

export interface CheckReport {
  finding(finding: CheckFinding): void
  progress(what: string, done: number, total: number): void
}

/** Hashes of files that cannot be served as they were stored: whoever knows who refers to them can say where. */
export type DamagedFiles = ReadonlySet<string>

/** So many are remembered; each finding is reported in any case. */
const mostDamaged = 100_000

type CheckParts = Pick<BlobParts, 'database' | 'objects' | 'indexes' | 'frames' | 'clock'>

/**
 * Proves that rows and objects agree: every xorb row has its object and every object its row, every file finds its
 * chunks, every holding its file. `deep` reads every xorb and hashes every chunk, and hashes every file from its
 * chunks' hashes; a file that passes is, bit for bit, what was stored. A damaged xorb is marked, so that an upload of the same
 * content stores it anew. Holds one xorb, and the names of a 256th of them.
 */
export async function checkBlobs(
  parts: CheckParts,
  { deep }: { deep: boolean },
  report: CheckReport,
): Promise<DamagedFiles> {
  const damaged = new Set<string>()
  await checkXorbs(parts, deep, report, damaged)
  await checkFiles(parts, deep, report, damaged)
  await checkHoldings(parts, report)
  return damaged
}

/** Object keys and rows are compared for one first byte of the hash after the other, so that memory stays small. */
async function checkXorbs(
  parts: CheckParts,
  deep: boolean,
  report: CheckReport,
  damaged: Set<string>,
): Promise<void> {
  const total = await countXorbs(parts.database.sql)
  let done = 0
  for await (const stray of parts.objects.list(xorbPrefix)) {
    if (xorbHashOf(stray.key) !== undefined) continue
    report.finding({
      severity: 'notice',
      subject: `object ${stray.key}`,
      words: 'has a name that no xorb has',
    })
  }
  for (let byte = 0; byte < 256; byte++) {
    const start = byte.toString(16).padStart(2, '0')
    const objects = new Map<string, number>()
    for await (const { key, size } of parts.objects.list(`${xorbPrefix}${start}/`)) {
      const hash = xorbHashOf(key)
      if (hash !== undefined) objects.set(hash, size)
    }
    for (const row of await xorbsBetween(parts.database.sql, start, `${start}g`)) {
      const size = objects.get(row.hash)
      objects.delete(row.hash)
      const words = await checkXorb(parts, row, size, deep)
      if (words !== undefined) {
        const files = await filesWith(parts.database.sql, row.hash, mostDamaged)
        for (const file of files) if (damaged.size < mostDamaged) damaged.add(file)
        const needed = neededBy(files.length)
        const severity = files.length === 0 ? 'notice' : 'error'
        report.finding({ severity, subject: `xorb ${row.hash}`, words: `${words}; ${needed}` })
      }
      report.progress('xorbs', ++done, total)
    }
    for (const hash of await withoutRow(parts, objects.keys())) {
      const words = 'no row knows this object; gc deletes it after its grace period'
      report.finding({ severity: 'notice', subject: `object ${xorbKey(hash)}`, words })
    }
  }
}

function neededBy(files: number): string {
  if (files === 0) return 'no file needs it; gc deletes it after its grace period'
  return files === 1 ? '1 file needs it' : `${files} files need it`
}

/** Uploads may have been recorded since the rows were read. */
async function withoutRow(parts: CheckParts, hashes: Iterable<string>): Promise<string[]> {
  const names = [...hashes]
  const rows = await findXorbs(parts.database.sql, names)
  return names.filter(hash => !rows.has(hash))
}

async function checkXorb(
  parts: CheckParts,
  row: XorbsTable,
  listedSize: number | undefined,
  deep: boolean,
): Promise<string | undefined> {
  const { sql } = parts.database
  const size = listedSize ?? (await parts.objects.size(xorbKey(row.hash)))
  const found = deep ? await inspectObject(parts, row, size) : measureObject(row, size)
  if (found !== undefined) {
    const words = await unlessCollected(parts, row, found)
    if (words !== undefined) await ifWritable(markDamaged(sql, row, parts.clock()))
    return words
  }
  if (row.damaged_at === null) return undefined
  if (!deep) return 'was found damaged; --deep looks at it again'
  await ifWritable(unmarkDamaged(sql, row))
  return undefined
}

/** The check tells what it finds on a disk that takes nothing, too. */
async function ifWritable(marking: Promise<void>): Promise<void> {
  try {
    await marking
  } catch (error) {
    if (!(storageFault(error) instanceof StorageFault)) throw error
  }
}

/** Collection may run meanwhile: what it has taken away is not lost. */
async function unlessCollected(
  parts: CheckParts,
  row: XorbsTable,
  words: string,
): Promise<string | undefined> {
  const now = (await findXorbs(parts.database.sql, [row.hash])).get(row.hash)
  return now && now.doomed_at === null ? words : undefined
}

async function checkFiles(
  parts: CheckParts,
  deep: boolean,
  report: CheckReport,
  damaged: Set<string>,
): Promise<void> {
  const { sql } = parts.database
  const total = await countFiles(sql)
  let done = 0
  for (let last = ''; ; ) {
    const page = await pageOfFiles(sql, last)
    if (page.length === 0) return
    for (const row of page) {
      const words = await checkFile(parts, row, deep)
      const isThere = words === undefined || (await findSha256(sql, row.hash)) !== undefined
      if (words !== undefined && isThere) {
        if (damaged.size < mostDamaged) damaged.add(row.hash)
        report.finding({ severity: 'error', subject: `file ${row.hash}`, words })
      }
      report.progress('files', ++done, total)
    }
    last = page.at(-1)!.hash
  }
}

async function checkFile(parts: CheckParts, row: FileRow, deep: boolean): Promise<string | undefined> {
  let file: FileTerms
  try {
    file = unpackTerms(row.terms)
  } catch (error) {
    return `its row is damaged: ${(error as Error).message}`
  }
  const names = xorbsOf(file.terms)
  const xorbs = await findXorbs(parts.database.sql, names)
  for (const { xorb, chunkStart, chunkEnd } of file.terms) {
    const found = xorbs.get(xorb)
    if (!found) return `needs xorb ${xorb}, which has no row`
    if (chunkStart >= chunkEnd || chunkEnd > found.chunk_count) {
      return `needs chunks [${chunkStart}, ${chunkEnd}) of xorb ${xorb}, which has ${found.chunk_count}`
    }
  }
  const size = file.starts[file.terms.length]!
  if (size !== row.size) return `its terms have ${size} bytes, it should have ${row.size}`
  const uses = await xorbUsesOf(parts.database.sql, row.hash)
  const unlisted = names.find(name => !uses.has(name))
  if (unlisted !== undefined) return `uses xorb ${unlisted}, but collection does not know that it does`
  return deep ? await hashFile(parts, row, file, xorbs) : undefined
}

async function hashFile(
  parts: CheckParts,
  row: FileRow,
  file: FileTerms,
  xorbs: ReadonlyMap<string, XorbsTable>,
): Promise<string | undefined> {
  const hasher = new FileHasher()
  for (const term of file.terms) {
    let chunks: { hashes: Uint8Array; lengths: Uint32Array }
    try {
      const index = await parts.indexes.get(xorbs.get(term.xorb)!)
      chunks = sliceChunks(index.chunks, term.chunkStart, term.chunkEnd)
    } catch (error) {
      if (error instanceof HubError) return `cannot be read: ${error.message}`
      throw error
    }
    if (totalLength(chunks) !== term.rawBytes) {
      return `expects ${term.rawBytes} bytes of xorb ${term.xorb}, there are ${totalLength(chunks)}`
    }
    for (const [i, length] of chunks.lengths.entries()) {
      hasher.push(chunks.hashes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES), length)
    }
  }
  const hash = hashToText(hasher.digest())
  return hash === row.hash ? undefined : `its chunks hash to ${hash}`
}

async function checkHoldings(parts: CheckParts, report: CheckReport): Promise<void> {
  const broken = await findBrokenHoldings(parts.database.sql)
  for (const { holder, sha256, file_hash } of broken) {
    report.finding({
      severity: 'error',
      subject: `holding ${holder} ${sha256}`,
      words: `refers to file ${file_hash}, which has no row`,
    })
  }
}
