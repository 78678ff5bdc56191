import { createHash } from 'node:crypto'
import { findChunkEnds, MAX_CHUNK_BYTES } from '../../formats/gearhash.ts'
import { chunkHash, FileHasher } from '../../formats/merkle.ts'
import { HASH_BYTES, hashToText } from '../../formats/xet-hash.ts'
import { copyBytes } from '../../kernel/copy-bytes.ts'

/** Left free at the beginning of each block: there goes what the block before has of a chunk that ends in this one. */
export const headroomBytes = MAX_CHUNK_BYTES

/** The chunks that end in a block: each begins where the one before ends, the first at `start`, and has 32 bytes of hash. */
export interface DigestedBlock {
  readonly start: number
  readonly ends: readonly number[]
  readonly hashes: Uint8Array
  /** With the last block. */
  readonly file?: FileDigest
}

/** What a whole file hashes to, as hex. */
export interface FileDigest {
  readonly sha256: string
  readonly fileHash: string
}

/** The arithmetic on a file that comes as a plain stream: sha256, the cuts, and the hashes of chunks and file. */
export class ContentDigest {
  readonly #sha256 = createHash('sha256')
  readonly #file = new FileHasher()
  /** The beginning of the chunk that goes on in the next block. */
  readonly #carry = Buffer.allocUnsafeSlow(headroomBytes)
  #carried = 0

  /** Takes in bytes [headroomBytes, filled) of a block, and writes into the headroom. */
  push(block: Uint8Array, filled: number, isLast: boolean): DigestedBlock {
    this.#sha256.update(block.subarray(headroomBytes, filled))
    const start = headroomBytes - this.#carried
    copyBytes(this.#carry.subarray(0, this.#carried), block, start)
    const bytes = block.subarray(start, filled)
    const ends = findChunkEnds(bytes, this.#carried)
    if (isLast && (ends.at(-1) ?? 0) < bytes.length) ends.push(bytes.length)
    const hashes = new Uint8Array(ends.length * HASH_BYTES)
    let at = 0
    for (const [i, end] of ends.entries()) {
      const hash = chunkHash(bytes.subarray(at, end))
      hashes.set(hash, i * HASH_BYTES)
      this.#file.push(hash, end - at)
      at = end
    }
    this.#carried = bytes.length - at
    copyBytes(bytes.subarray(at), this.#carry)
    const digested = { start, ends: ends.map(end => start + end), hashes }
    return isLast ? { ...digested, file: this.#finish() } : digested
  }

  #finish(): FileDigest {
    return { sha256: this.#sha256.digest('hex'), fileHash: hashToText(this.#file.digest()) }
  }
}
