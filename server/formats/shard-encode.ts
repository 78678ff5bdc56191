import { type ChunkList, totalLength } from './chunk-list.ts'
import { keyedChunkHashes } from './merkle.ts'
import {
  FOOTER_BYTES,
  FOOTER_VERSION,
  HAS_METADATA,
  HAS_VERIFICATION,
  HEADER_VERSION,
  RECORD_BYTES,
  SHARD_TAG,
  type Shard,
  type ShardXorb,
} from './shard.ts'
import { HASH_BYTES, textToHash } from './xet-hash.ts'

/**
 * A shard as hf_xet uploads it: no footer, size on disk left 0. A file gets range hashes if all its terms have one,
 * and its sha256 if it has one.
 */
export function encodeShard(shard: Shard): Uint8Array {
  const records =
    3 + shard.files.reduce((sum, file) => sum + 2 + 2 * file.terms.length, 0) + xorbRecords(shard.xorbs)
  const writer = new RecordWriter(records * RECORD_BYTES)
  writer.header(0)
  for (const file of shard.files) {
    const hasVerification = file.terms.every(term => term.rangeHash !== undefined)
    const flags = (hasVerification ? HAS_VERIFICATION : 0) + (file.sha256 === undefined ? 0 : HAS_METADATA)
    writer.record(file.hash, flags, file.terms.length)
    for (const term of file.terms)
      writer.record(term.xorb, 0, term.unpackedLength, term.chunkStart, term.chunkEnd)
    for (const term of hasVerification ? file.terms : []) writer.record(term.rangeHash!)
    if (file.sha256 !== undefined) writer.record(file.sha256)
  }
  writer.bookend()
  writer.xorbs(shard.xorbs)
  return writer.written()
}

/** What a global dedup query is answered with. Times in milliseconds. */
export interface DedupAnswer {
  readonly xorbs: readonly ShardXorb[]
  /** 32 random bytes; all zeros would tell clients that the hashes are plain. */
  readonly hmacKey: Uint8Array
  readonly createdAt: number
  readonly expiresAt: number
}

/** As a shard: no files, the chunks of `xorbs` with their hashes keyed by `hmacKey`, and a footer. 2 µs a chunk. */
export function encodeDedupShard(answer: DedupAnswer): Uint8Array {
  const keyed = answer.xorbs.map(xorb => ({
    hash: xorb.hash,
    chunks: { hashes: keyedChunkHashes(answer.hmacKey, xorb.chunks.hashes), lengths: xorb.chunks.lengths },
  }))
  const writer = new RecordWriter((3 + xorbRecords(keyed)) * RECORD_BYTES + FOOTER_BYTES)
  writer.header(FOOTER_BYTES)
  const fileSection = writer.at
  writer.bookend()
  const xorbSection = writer.at
  writer.xorbs(keyed)
  const footer = writer.at
  const seconds = (time: number): bigint => BigInt(Math.floor(time / 1000))
  writer.u64(FOOTER_VERSION, BigInt(fileSection), BigInt(xorbSection))
  // Offset and count of three empty lookup tables. huggingface.js takes the first offset for the end of the xorbs
  // (`shardParser.ts`), whatever the specification says about "reserved": 0 there and it sees none.
  for (let table = 0; table < 3; table++) writer.u64(BigInt(footer), 0n)
  writer.bytes(answer.hmacKey)
  writer.u64(seconds(answer.createdAt), seconds(answer.expiresAt))
  writer.skip(48)
  const stored = keyed.reduce((sum, xorb) => sum + totalLength(xorb.chunks), 0)
  writer.u64(0n, 0n, BigInt(stored), BigInt(footer))
  return writer.written()
}

/** Records of the second section without its bookend. */
function xorbRecords(xorbs: readonly ShardXorb[]): number {
  return xorbs.reduce((sum, xorb) => sum + 1 + xorb.chunks.lengths.length, 0)
}

class RecordWriter {
  at = 0
  readonly #buffer: Buffer

  constructor(length: number) {
    this.#buffer = Buffer.alloc(length)
  }

  written(): Uint8Array {
    return this.#buffer.subarray(0, this.at)
  }

  header(footerLength: number): void {
    this.bytes(SHARD_TAG)
    this.u64(HEADER_VERSION, BigInt(footerLength))
  }

  bookend(): void {
    this.record('f'.repeat(64))
  }

  xorbs(xorbs: readonly ShardXorb[]): void {
    for (const { hash, chunks } of xorbs) {
      this.record(hash, 0, chunks.lengths.length, totalLength(chunks), 0)
      this.#chunks(chunks)
    }
    this.bookend()
  }

  #chunks(chunks: ChunkList): void {
    let offset = 0
    for (const [i, length] of chunks.lengths.entries()) {
      const next = this.at + RECORD_BYTES
      this.bytes(chunks.hashes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES))
      this.#buffer.writeUInt32LE(offset, this.at)
      this.#buffer.writeUInt32LE(length, this.at + 4)
      this.at = next
      offset += length
    }
  }

  /** A hash and up to four u32; the rest of the record stays 0. */
  record(hash: string, ...fields: number[]): void {
    const next = this.at + RECORD_BYTES
    this.bytes(textToHash(hash))
    for (const [i, field] of fields.entries()) this.#buffer.writeUInt32LE(field, this.at + i * 4)
    this.at = next
  }

  u64(...values: bigint[]): void {
    for (const value of values) this.at = this.#buffer.writeBigUInt64LE(value, this.at)
  }

  bytes(bytes: Uint8Array): void {
    this.#buffer.set(bytes, this.at)
    this.at += bytes.length
  }

  skip(length: number): void {
    this.at += length
  }
}
