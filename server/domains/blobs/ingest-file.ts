import { HASH_BYTES, hashToText } from '../../formats/xet-hash.ts'
import type { XorbIndex } from '../../formats/xorb-footer.ts'
import { copyBytes } from '../../kernel/copy-bytes.ts'
import { type DigestedBlock, type FileDigest, headroomBytes } from './content-digest.ts'
import { isDedupEligible, leadingChunks } from './dedup-eligible.ts'
import type { Digest } from './digest-threads.ts'
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

/** Any chunk of the first so many bytes is looked up: one of the leading chunks of an earlier version may be among them. */
const beginningBytes = 4 * 1024 * 1024

/**
 * Takes in a whole file that comes as a plain stream: cuts it into chunks as clients do, stores those that are not
 * stored yet, and lets `holder` refer to it as proven. All content of the hub serves for deduplication, whoever may
 * see it: the bytes are in hand, and the answer tells nothing of it. Throws ContentMismatch; nothing is visible then.
 * Holds a few MiB, whatever the size. A piece of `source` is not looked at again once the next is asked for.
 */
export async function ingestFile(
  parts: BlobParts,
  holder: string,
  source: AsyncIterable<Uint8Array>,
  announced: Announced,
): Promise<StoredFile> {
  const intake = new Intake(parts, holder, announced.size)
  try {
    let size = 0
    for await (const bytes of source) {
      size += bytes.length
      if (size > announced.size) throw new ContentMismatch('size', announced.size, `over ${announced.size}`)
      await intake.push(bytes)
    }
    if (size !== announced.size) throw new ContentMismatch('size', announced.size, size)
    return await intake.finish(announced)
  } finally {
    await intake.close()
  }
}

interface NewChunk {
  /** In a block. */
  readonly raw: Uint8Array
  readonly hash: Uint8Array
}

/**
 * One file on its way in. It is gathered in blocks; while one is filled, the one before is digested, and the chunks of that
 * before are stored.
 */
class Intake {
  readonly #parts: BlobParts
  readonly #holder: string
  readonly #digest: Digest
  readonly #known = new KnownChunks()
  readonly #terms = new TermList()
  readonly #packer: XorbPacker
  readonly #follower: FileFollower
  /** Xorbs whose chunks were made known: hash → number. */
  readonly #learned = new Map<string, number>()
  #block: Uint8Array
  #filled = headroomBytes
  #placing: Promise<FileDigest | undefined> = Promise.resolve(undefined)
  #placedBytes = 0
  /** The first chunks of the file, for the index. */
  readonly #leading: { hash: Uint8Array; place: ChunkPlace }[] = []

  constructor(parts: BlobParts, holder: string, size: number) {
    this.#parts = parts
    this.#holder = holder
    this.#block = parts.blocks.take()
    this.#digest = parts.digests.begin(size <= this.#block.length - headroomBytes)
    this.#packer = new XorbPacker(parts, holder)
    this.#follower = new FileFollower(parts, size, index => this.#learn(index))
  }

  async push(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const taken = Math.min(bytes.length - at, this.#block.length - this.#filled)
      copyBytes(bytes.subarray(at, at + taken), this.#block, this.#filled)
      at += taken
      this.#filled += taken
      if (this.#filled === this.#block.length) await this.#handOn(false)
    }
  }

  async finish({ sha256, size }: Announced): Promise<StoredFile> {
    await this.#handOn(true)
    const { sha256: found, fileHash } = (await this.#placing)!
    if (found !== sha256) throw new ContentMismatch('sha256', sha256, found)
    await this.#packer.finish()
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
    await this.#placing.catch(() => {})
    this.#digest.close()
    this.#parts.blocks.give(this.#block)
    await this.#packer.close()
  }

  #leadingEntries(): ChunkIndexTable[] {
    return this.#leading.map(({ hash, place }) => ({
      chunk_hash: hashToText(hash),
      xorb_hash: this.#packer.names[place.xorb]!,
      position: place.position,
    }))
  }

  /** Has the block digested and its chunks placed after those before, and goes on in another. */
  async #handOn(isLast: boolean): Promise<void> {
    const block = this.#block
    const digested = this.#digest.push(block, this.#filled, isLast)
    const before = this.#placing
    this.#placing = this.#placeAfter(before, block, digested)
    // Awaited when the next block is full, at the latest by finish or close.
    this.#placing.catch(() => {})
    this.#block = this.#parts.blocks.take()
    this.#filled = headroomBytes
    await before
  }

  async #placeAfter(
    before: Promise<unknown>,
    block: Uint8Array,
    digesting: Promise<DigestedBlock>,
  ): Promise<FileDigest | undefined> {
    try {
      const [digested] = await Promise.all([digesting, before])
      await this.#placeAll(chunksOf(block, digested))
      return digested.file
    } finally {
      await digesting.catch(() => {})
      this.#parts.blocks.give(block)
    }
  }

  async #placeAll(chunks: readonly NewChunk[]): Promise<void> {
    await this.#lookUp(chunks)
    for (const chunk of chunks) {
      const place = await this.#place(chunk)
      if (this.#leading.length < leadingChunks) this.#leading.push({ hash: chunk.hash, place })
      this.#terms.add(place.xorb, place.position, chunk.raw.length)
      this.#placedBytes += chunk.raw.length
    }
    await this.#packer.flush()
  }

  /**
   * Asks the index for the chunks that may be in it, and makes the xorbs around them known. At the beginning any may be:
   * the leading chunks of an earlier version are found behind a header that is new.
   */
  async #lookUp(chunks: readonly NewChunk[]): Promise<void> {
    const isBeginning = this.#placedBytes < beginningBytes
    const asked = chunks.filter(
      ({ hash }) => (isBeginning || isDedupEligible(hash, 0)) && !this.#known.find(hash),
    )
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

function chunksOf(block: Uint8Array, { start, ends, hashes }: DigestedBlock): NewChunk[] {
  let at = start
  return ends.map((end, i) => {
    const raw = block.subarray(at, end)
    at = end
    return { raw, hash: hashes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES) }
  })
}
