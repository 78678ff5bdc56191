import { setImmediate as nextTurn } from 'node:timers/promises'
import { sliceChunks, totalLength } from '../../formats/chunk-list.ts'
import { FileHasher, rangeHash } from '../../formats/merkle.ts'
import { parseShard, type ShardFile, type ShardTerm, type ShardXorb } from '../../formats/shard.ts'
import { HASH_BYTES, hashToText } from '../../formats/xet-hash.ts'
import type { XorbIndex } from '../../formats/xorb-footer.ts'
import { LimitExceeded } from '../../kernel/errors.ts'
import { leadingChunks } from './dedup-eligible.ts'
import { deleteAbandoned } from './delete-doomed.ts'
import { ShardRefused, XorbBeingCollected } from './errors.ts'
import type { BlobParts } from './parts.ts'
import { saveFiles, saveHoldings } from './store-files.ts'
import { findXorbs, indexChunks, useXorbs } from './store-xorbs.ts'
import type { ChunkIndexTable, XorbsTable } from './tables.ts'
import { packTerms, xorbsOf } from './terms.ts'

/** Of all files of a shard together: a terabyte. A short shard can name the same chunks again and again. */
const mostChunks = 16 * 1024 * 1024
/** The event loop gets its turn after so many chunks: about 10 ms. */
const chunksATurn = 8192

export interface ShardProgress {
  /** Terms checked so far, of all. */
  validating(verified: number, total: number): void
  committing(): void
}

/**
 * Registers the files of an uploaded shard for `holder`. Everything in it is checked against what is *stored*: that
 * terms lie inside their xorbs and have the lengths that they say, that the client knows the hashes of their chunks
 * (which is what lets it refer to chunks that it did not upload), that the file hash is true, that xorbs are listed as
 * they are. The sha256 of a file cannot be checked this way: an event has it read. Registering again is harmless.
 * Throws MalformedInput, LimitExceeded, ShardRefused or XorbBeingCollected.
 */
export async function registerShard(
  parts: BlobParts,
  holder: string,
  bytes: Uint8Array,
  progress: ShardProgress,
): Promise<void> {
  const shard = parseShard(bytes)
  const xorbs = new ShardXorbs(parts, await findShardXorbs(parts, shard.files, shard.xorbs))
  for (const xorb of shard.xorbs) await checkXorb(xorbs, xorb)
  const checked = await checkFiles(xorbs, shard.files, progress)
  if (checked.length === 0) return
  progress.committing()
  await register(parts, holder, checked)
}

/** hf_xet remembers for three weeks what it has uploaded (`MDB_SHARD_LOCAL_CACHE_EXPIRATION`), collected or not. */
const notStored =
  'is not stored; upload it before the shard. If your client remembers it from an upload whose files were deleted since, make it forget: remove ~/.cache/huggingface/xet'
const notWhole =
  'is damaged on the disk of this hub; upload it again before the shard. If your client remembers it, make it forget: remove ~/.cache/huggingface/xet'

async function findShardXorbs(
  parts: BlobParts,
  files: readonly ShardFile[],
  listed: readonly ShardXorb[],
): Promise<Map<string, XorbsTable>> {
  const names = new Set(listed.map(xorb => xorb.hash))
  for (const file of files) for (const term of file.terms) names.add(term.xorb)
  let rows = await findXorbs(parts.database.sql, names)
  const doomed = [...rows.values()].filter(row => row.doomed_at !== null).map(row => row.hash)
  if (await deleteAbandoned(parts, doomed)) rows = await findXorbs(parts.database.sql, names)
  for (const name of names) {
    const row = rows.get(name)
    if (!row) throw new ShardRefused(`xorb ${name}`, notStored)
    if (row.damaged_at !== null) throw new ShardRefused(`xorb ${name}`, notWhole)
    if (row.doomed_at !== null) throw new XorbBeingCollected(name)
  }
  return rows
}

class ShardXorbs {
  readonly #parts: Pick<BlobParts, 'indexes'>
  readonly #rows: ReadonlyMap<string, XorbsTable>

  constructor(parts: Pick<BlobParts, 'indexes'>, rows: ReadonlyMap<string, XorbsTable>) {
    this.#parts = parts
    this.#rows = rows
  }

  index(hash: string): Promise<XorbIndex> {
    return this.#parts.indexes.get(this.#rows.get(hash)!)
  }
}

async function checkXorb(xorbs: ShardXorbs, { hash, chunks }: ShardXorb): Promise<void> {
  const stored = (await xorbs.index(hash)).chunks
  const isSame =
    Buffer.compare(stored.hashes, chunks.hashes) === 0 &&
    stored.lengths.every((length, i) => length === chunks.lengths[i])
  if (!isSame) throw new ShardRefused(`xorb ${hash}`, 'is listed with other chunks than it has')
}

interface CheckedFile {
  readonly hash: string
  readonly sha256: string
  readonly size: number
  readonly terms: readonly ShardTerm[]
  readonly leading: readonly ChunkIndexTable[]
}

async function checkFiles(
  xorbs: ShardXorbs,
  files: readonly ShardFile[],
  progress: ShardProgress,
): Promise<CheckedFile[]> {
  let chunks = 0
  for (const file of files) for (const term of file.terms) chunks += term.chunkEnd - term.chunkStart
  if (chunks > mostChunks) throw new LimitExceeded('shard: chunks of all files', mostChunks, 'chunks', chunks)
  const total = files.reduce((sum, file) => sum + file.terms.length, 0)
  const checked = new Map<string, CheckedFile>()
  let verified = 0
  let sinceTurn = 0
  for (const file of files) {
    const subject = `file ${file.hash}`
    if (file.sha256 === undefined) {
      throw new ShardRefused(subject, 'comes without its sha256, by which commits refer to files here')
    }
    const hasher = new FileHasher()
    let size = 0
    for (const [t, term] of file.terms.entries()) {
      const index = await xorbs.index(term.xorb)
      checkTerm(`${subject}, term ${t}`, term, index)
      for (let chunk = term.chunkStart; chunk < term.chunkEnd; chunk++) {
        hasher.push(hashAt(index, chunk), index.chunks.lengths[chunk]!)
      }
      size += term.unpackedLength
      sinceTurn += term.chunkEnd - term.chunkStart
      progress.validating(++verified, total)
      if (sinceTurn >= chunksATurn) {
        sinceTurn = 0
        await nextTurn()
      }
    }
    const hash = hashToText(hasher.digest())
    if (hash !== file.hash) throw new ShardRefused(subject, `its chunks hash to ${hash}`)
    const again = checked.get(hash)
    if (again && again.sha256 !== file.sha256) {
      throw new ShardRefused(subject, `is listed with two sha256s, ${again.sha256} and ${file.sha256}`)
    }
    const leading = await leadingOf(xorbs, file)
    checked.set(hash, { hash, sha256: file.sha256, size, terms: file.terms, leading })
  }
  return [...checked.values()]
}

function checkTerm(subject: string, term: ShardTerm, { chunks }: XorbIndex): void {
  const { xorb, chunkStart, chunkEnd, unpackedLength } = term
  const count = chunks.lengths.length
  if (chunkEnd > count) {
    throw new ShardRefused(subject, `chunks [${chunkStart}, ${chunkEnd}) of xorb ${xorb}, which has ${count}`)
  }
  const bytes = totalLength(sliceChunks(chunks, chunkStart, chunkEnd))
  if (bytes !== unpackedLength) {
    throw new ShardRefused(subject, `says ${unpackedLength} bytes, its chunks have ${bytes}`)
  }
  if (term.rangeHash === undefined) throw new ShardRefused(subject, 'comes without its range hash')
  // Said in general: the right hash would be the proof itself.
  if (hashToText(rangeHash(chunks, chunkStart, chunkEnd)) !== term.rangeHash) {
    throw new ShardRefused(subject, 'its range hash is not that of these chunks')
  }
}

function hashAt(index: XorbIndex, chunk: number): Uint8Array {
  return index.chunks.hashes.subarray(chunk * HASH_BYTES, (chunk + 1) * HASH_BYTES)
}

async function leadingOf(xorbs: ShardXorbs, file: ShardFile): Promise<ChunkIndexTable[]> {
  const leading: ChunkIndexTable[] = []
  for (const { xorb, chunkStart, chunkEnd } of file.terms) {
    for (let chunk = chunkStart; chunk < chunkEnd; chunk++) {
      if (leading.length === leadingChunks) return leading
      const hash = hashAt(await xorbs.index(xorb), chunk)
      leading.push({ chunk_hash: hashToText(hash), xorb_hash: xorb, position: chunk })
    }
  }
  return leading
}

async function register(parts: BlobParts, holder: string, files: readonly CheckedFile[]): Promise<void> {
  const now = parts.clock()
  const rows = files.map(({ hash, size, terms }) => {
    const packed = terms.map(term => ({ ...term, rawBytes: term.unpackedLength }))
    return { hash, sha256: null, size, terms: packTerms(packed), xorbs: xorbsOf(packed) }
  })
  await parts.database.transaction(async tx => {
    const needed = new Set(rows.flatMap(row => row.xorbs))
    const usable = await useXorbs(tx, needed)
    for (const xorb of needed) if (!usable.has(xorb)) throw new XorbBeingCollected(xorb)
    const proven = await saveFiles(tx, rows, now)
    for (const { hash, sha256 } of files) {
      const known = proven.get(hash)
      if (known && known !== sha256)
        throw new ShardRefused(`file ${hash}`, `has sha256 ${known}, not ${sha256}`)
    }
    await indexChunks(
      tx,
      files.flatMap(file => file.leading),
    )
    const claims = files.map(({ hash, sha256 }) => ({
      sha256,
      fileHash: hash,
      isProven: proven.get(hash) === sha256,
    }))
    await saveHoldings(tx, holder, claims, now)
    for (const { hash } of files) {
      if (proven.get(hash) === null) await parts.emit(tx, 'file-claimed', { fileHash: hash })
    }
  })
}
