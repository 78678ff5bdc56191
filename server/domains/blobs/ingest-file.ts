import { createHash } from 'node:crypto'
import { Chunker } from '../../formats/gearhash.ts'
import { chunkHash, FileHasher } from '../../formats/merkle.ts'
import { hashToText } from '../../formats/xet-hash.ts'
import type { XorbIndex } from '../../formats/xorb-footer.ts'
import { isDedupEligible, leadingChunks } from './dedup-eligible.ts'
import { ContentMismatch, XorbBeingCollected } from './errors.ts'
import { FileFollower } from './follow-files.ts'
import { type ChunkPlace, KnownChunks } from './known-chunks.ts'
import { XorbPacker } from './pack-xorbs.ts'
import type { BlobParts } from './parts.ts'
import { saveFiles, saveHoldings } from './store-files.ts'
import { findIndexedChunks, indexChunks, useXorbs } from './store-xorbs.ts'
import type { StoredFile } from './stored-file.ts'
import type { ChunkIndexTable } from './tables.ts'
import { TermList } from './term-list.ts'
import { packTerms, xorbsOf } from './terms.ts'
import { findUsableXorbs } from './use-xorbs.ts'

/** What a file is announced to be. */
export interface Announced {
  readonly sha256: string
  readonly size: number
}

/** Chunks are looked up and placed together in runs of about this many bytes. */
const batchBytes = 4 * 1024 * 1024

/**
 * Takes in a whole file that comes as a plain stream: cuts it into chunks as clients do, stores those that are not
 * stored yet, and lets `holder` refer to it as proven. All content of the hub serves for deduplication, whoever may
 * see it: the bytes are in hand, and the answer tells nothing of it. Throws ContentMismatch; nothing is visible then.
 * Holds about 16 MiB, whatever the size.
 */
export async function ingestFile(
  parts: BlobParts,
  holder: string,
  source: AsyncIterable<Uint8Array>,
  announced: Announced,
): Promise<StoredFile> {
  const intake = new Intake(parts, holder, announced.size)
  try {
    const sha256 = createHash('sha256')
    let size = 0
    for await (const bytes of source) {
      size += bytes.length
      if (size > announced.size) throw new ContentMismatch('size', announced.size, `over ${announced.size}`)
      sha256.update(bytes)
      await intake.push(bytes)
    }
    if (size !== announced.size) throw new ContentMismatch('size', announced.size, size)
    const found = sha256.digest('hex')
    if (found !== announced.sha256) throw new ContentMismatch('sha256', announced.sha256, found)
    return await intake.finish(announced)
  } finally {
    await intake.close()
  }
}

interface NewChunk {
  readonly raw: Uint8Array
  readonly hash: Uint8Array
}

/** One file on its way in. */
class Intake {
  readonly #parts: BlobParts
  readonly #holder: string
  readonly #chunker = new Chunker()
  readonly #fileHasher = new FileHasher()
  readonly #known = new KnownChunks()
  readonly #terms = new TermList()
  readonly #packer: XorbPacker
  readonly #follower: FileFollower
  /** Xorbs whose chunks were made known: hash → number. */
  readonly #learned = new Map<string, number>()
  #batch: NewChunk[] = []
  #batchBytes = 0
  /** The first chunks of the file, for the index. */
  readonly #leading: { hash: Uint8Array; place: ChunkPlace }[] = []

  constructor(parts: BlobParts, holder: string, size: number) {
    this.#parts = parts
    this.#holder = holder
    this.#packer = new XorbPacker(parts, holder)
    this.#follower = new FileFollower(parts, size, index => this.#learn(index))
  }

  async push(bytes: Uint8Array): Promise<void> {
    for (const raw of this.#chunker.push(bytes)) await this.#take(raw)
  }

  async finish({ sha256, size }: Announced): Promise<StoredFile> {
    const last = this.#chunker.finish()
    if (last) await this.#take(last)
    await this.#placeBatch()
    await this.#packer.finish()
    const fileHash = hashToText(this.#fileHasher.digest())
    const terms = this.#terms.resolve(this.#packer.names)
    const xorbs = xorbsOf(terms)
    const now = this.#parts.clock()
    await this.#parts.database.transaction(async tx => {
      const usable = await useXorbs(tx, xorbs)
      const lost = xorbs.find(xorb => !usable.has(xorb))
      if (lost !== undefined) throw new XorbBeingCollected(lost)
      const file = { hash: fileHash, sha256, size, terms: packTerms(terms), xorbs }
      const proven = (await saveFiles(tx, [file], now)).get(fileHash)
      if (proven !== sha256)
        throw new Error(`file ${fileHash} was sha256 ${proven} before and is ${sha256} now`)
      await indexChunks(tx, this.#leadingEntries())
      await saveHoldings(tx, this.#holder, [{ sha256, fileHash, isProven: true }], now)
    })
    return { fileHash, sha256, size, state: 'proven' }
  }

  async close(): Promise<void> {
    await this.#packer.close()
  }

  #leadingEntries(): ChunkIndexTable[] {
    return this.#leading.map(({ hash, place }) => ({
      chunk_hash: hashToText(hash),
      xorb_hash: this.#packer.names[place.xorb]!,
      position: place.position,
    }))
  }

  async #take(raw: Uint8Array): Promise<void> {
    this.#batch.push({ raw, hash: chunkHash(raw) })
    this.#batchBytes += raw.length
    if (this.#batchBytes >= batchBytes) await this.#placeBatch()
  }

  async #placeBatch(): Promise<void> {
    const batch = this.#batch
    this.#batch = []
    this.#batchBytes = 0
    await this.#lookUp(batch)
    for (const chunk of batch) {
      const place = await this.#place(chunk)
      if (this.#leading.length < leadingChunks) this.#leading.push({ hash: chunk.hash, place })
      this.#terms.add(place.xorb, place.position, chunk.raw.length)
      this.#fileHasher.push(chunk.hash, chunk.raw.length)
    }
  }

  /**
   * Asks the index for the chunks that may be in it, and makes the xorbs around them known. Of the first batch any may
   * be: the leading chunks of an earlier version are found behind a beginning that is new.
   */
  async #lookUp(batch: readonly NewChunk[]): Promise<void> {
    const isFirst = this.#leading.length === 0
    const asked = batch.filter(({ hash }) => (isFirst || isDedupEligible(hash, 0)) && !this.#known.find(hash))
    if (asked.length === 0) return
    const found = await findIndexedChunks(
      this.#parts.database.sql,
      asked.map(({ hash }) => hashToText(hash)),
    )
    // Of several xorbs with the same chunk one will do.
    const byChunk = new Map(found.reverse().map(entry => [entry.chunk_hash, entry.xorb_hash]))
    const rows = await findUsableXorbs(this.#parts.database, [...new Set(byChunk.values())])
    for (const row of rows.values()) this.#learn(await this.#parts.indexes.get(row))
  }

  #learn(index: XorbIndex): void {
    if (this.#learned.has(index.hash)) return
    const number = this.#packer.refer(index.hash)
    this.#learned.set(index.hash, number)
    this.#known.addAll(index.chunks, number)
  }

  async #place({ raw, hash }: NewChunk): Promise<ChunkPlace> {
    const known = this.#known.find(hash)
    if (known) {
      const name = this.#packer.names[known.xorb]
      if (name !== undefined && this.#learned.has(name)) await this.#follower.reach(name)
      return known
    }
    const place = await this.#packer.add(raw, hash)
    this.#known.add(hash, place.xorb, place.position)
    return place
  }
}
