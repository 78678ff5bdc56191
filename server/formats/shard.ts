import { LimitExceeded, MalformedInput } from '../kernel/errors.ts'
import type { ChunkList } from './chunk-list.ts'
import { MAX_CHUNK_BYTES } from './gearhash.ts'
import { HASH_BYTES, hashToText } from './xet-hash.ts'
import { MAX_XORB_CHUNKS } from './xorb-footer.ts'

/** What an upload declares: files as runs of chunks, and the chunks of the xorbs that were new. Hashes as text. */
export interface Shard {
  readonly files: readonly ShardFile[]
  readonly xorbs: readonly ShardXorb[]
}

export interface ShardFile {
  /** File hash. */
  readonly hash: string
  /** Claimed by the client; nothing in the shard proves it. */
  readonly sha256?: string
  readonly terms: readonly ShardTerm[]
}

/** Chunks [chunkStart, chunkEnd) of a xorb. */
export interface ShardTerm {
  readonly xorb: string
  /** Bytes of those chunks. */
  readonly unpackedLength: number
  readonly chunkStart: number
  readonly chunkEnd: number
  /** The proof that the client knows the chunks, if it gave one; see `merkle.ts:rangeHash`. */
  readonly rangeHash?: string
}

export interface ShardXorb {
  readonly hash: string
  readonly chunks: ChunkList
}

/** Most bytes of an uploaded shard (xet-core `metadata_shard/constants.rs`). */
export const MAX_SHARD_BYTES = 64 * 1024 * 1024

/** Every record, the header and the bookends have this size. */
export const RECORD_BYTES = 48
export const FOOTER_BYTES = 200
export const SHARD_TAG: Uint8Array = Buffer.from(
  `${Buffer.from('HFRepoMetaData\0').toString('hex')}556967456a7b815783a5bdd95ccdd14aa9`,
  'hex',
)
export const HEADER_VERSION = 2n
export const FOOTER_VERSION = 1n
export const HAS_VERIFICATION = 0x80000000
export const HAS_METADATA = 0x40000000
const bookendHash = 'f'.repeat(64)

/**
 * Reads an uploaded shard front to back (xet-core `streaming_shard.rs`), with or without footer: what comes after the
 * second section is only checked for its length, since hf_xet leaves it out and huggingface.js does not.
 *
 * Checks the form alone: counts against the bytes there are, chunk offsets against lengths, ranges that are not
 * empty. Whether xorbs exist, terms fit them, range hashes prove possession and hashes are true is for the caller,
 * against what is stored. Throws MalformedInput or LimitExceeded.
 */
export function parseShard(bytes: Uint8Array): Shard {
  if (bytes.length > MAX_SHARD_BYTES) throw new LimitExceeded('shard', MAX_SHARD_BYTES, 'bytes', bytes.length)
  const reader = new RecordReader(bytes)
  const header = reader.take('shard header', 1)
  if (Buffer.compare(bytes.subarray(0, SHARD_TAG.length), SHARD_TAG) !== 0) {
    throw new MalformedInput(
      'shard',
      'does not begin with the tag of a shard, HFRepoMetaData and 18 more bytes',
    )
  }
  const version = reader.view.getBigUint64(header + 32, true)
  if (version !== HEADER_VERSION) throw new MalformedInput('shard', `has version ${version}, expected 2`)
  const footerLength = reader.view.getBigUint64(header + 40, true)
  const files = reader.takeSection((record, i) => readFile(reader, record, i))
  const xorbs = reader.takeSection((record, i) => readXorb(reader, record, i))
  if (footerLength > BigInt(reader.left)) {
    throw new MalformedInput('shard', `declares a footer of ${footerLength} bytes, ${reader.left} are left`)
  }
  return { files, xorbs }
}

/** Hands out offsets of records that are known to lie inside the shard. */
class RecordReader {
  readonly view: DataView
  readonly #bytes: Uint8Array
  #at = 0
  /** Long runs of terms name the same xorb; its text is kept once. */
  #lastHash = ''

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  /** Offset of the next `count` records, which are skipped. */
  take(subject: string, count: number): number {
    const length = count * RECORD_BYTES
    if (length > this.left) {
      throw new MalformedInput(
        subject,
        `needs ${length} bytes at ${this.#at}, the shard has ${this.left} left`,
      )
    }
    this.#at += length
    return this.#at - length
  }

  /** Entries until the bookend. `read` gets the offset of an entry's first record and takes the others. */
  takeSection<Entry>(read: (record: number, i: number) => Entry): Entry[] {
    const entries: Entry[] = []
    for (;;) {
      const record = this.take('shard section', 1)
      if (this.hash(record) === bookendHash) return entries
      entries.push(read(record, entries.length))
    }
  }

  hash(record: number): string {
    const text = hashToText(this.#bytes, record)
    if (text !== this.#lastHash) this.#lastHash = text
    return this.#lastHash
  }

  u32(at: number): number {
    return this.view.getUint32(at, true)
  }

  copyHash(record: number, target: Uint8Array, at: number): void {
    target.set(this.#bytes.subarray(record, record + HASH_BYTES), at)
  }
}

function readFile(reader: RecordReader, record: number, i: number): ShardFile {
  const subject = `shard file ${i}`
  const flags = reader.u32(record + 32)
  const count = reader.u32(record + 36)
  const hasVerification = (flags & HAS_VERIFICATION) !== 0
  const hasMetadata = (flags & HAS_METADATA) !== 0
  // An unknown flag may announce further records, which would be taken for something else.
  if ((flags & ~(HAS_VERIFICATION | HAS_METADATA)) !== 0) {
    throw new MalformedInput(subject, `has unknown flags: 0x${flags.toString(16)}`)
  }
  const firstTerm = reader.take(`${subject}, its ${count} terms`, count)
  const firstProof = hasVerification ? reader.take(`${subject}, its ${count} range hashes`, count) : 0
  const metadata = hasMetadata ? reader.take(`${subject}, its sha256`, 1) : 0
  const terms = Array.from({ length: count }, (_, t): ShardTerm => {
    const term = firstTerm + t * RECORD_BYTES
    const chunkStart = reader.u32(term + 40)
    const chunkEnd = reader.u32(term + 44)
    if (chunkStart >= chunkEnd) {
      throw new MalformedInput(`${subject}, term ${t}`, `chunk range [${chunkStart}, ${chunkEnd}) is empty`)
    }
    return {
      xorb: reader.hash(term),
      unpackedLength: reader.u32(term + 36),
      chunkStart,
      chunkEnd,
      ...(hasVerification && { rangeHash: reader.hash(firstProof + t * RECORD_BYTES) }),
    }
  })
  return { hash: reader.hash(record), terms, ...(hasMetadata && { sha256: reader.hash(metadata) }) }
}

function readXorb(reader: RecordReader, record: number, i: number): ShardXorb {
  const subject = `shard xorb ${i}`
  const count = reader.u32(record + 36)
  if (count > MAX_XORB_CHUNKS)
    throw new LimitExceeded(`${subject}: its chunks`, MAX_XORB_CHUNKS, 'chunks', count)
  const first = reader.take(`${subject}, its ${count} chunks`, count)
  const hashes = new Uint8Array(count * HASH_BYTES)
  const lengths = new Uint32Array(count)
  let offset = 0
  for (let c = 0; c < count; c++) {
    const chunk = first + c * RECORD_BYTES
    const length = reader.u32(chunk + 36)
    if (reader.u32(chunk + 32) !== offset) {
      throw new MalformedInput(
        `${subject}, chunk ${c}`,
        `begins at ${reader.u32(chunk + 32)}, expected ${offset}`,
      )
    }
    if (length < 1 || length > MAX_CHUNK_BYTES) {
      throw new MalformedInput(
        `${subject}, chunk ${c}`,
        `has ${length} bytes, allowed are 1 to ${MAX_CHUNK_BYTES}`,
      )
    }
    reader.copyHash(chunk, hashes, c * HASH_BYTES)
    lengths[c] = length
    offset += length
  }
  const total = reader.u32(record + 40)
  if (total !== offset)
    throw new MalformedInput(subject, `declares ${total} bytes, its chunks have ${offset}`)
  return { hash: reader.hash(record), chunks: { hashes, lengths } }
}
