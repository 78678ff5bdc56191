import { HASH_BYTES } from './xet-hash.ts'

/**
 * Chunks in order, as two packed arrays: a xorb has up to 8192 of them and lists are cached by the thousand, where
 * an object a chunk would cost four times the memory. `hashes` holds 32 raw bytes a chunk, `lengths` its raw bytes.
 */
export interface ChunkList {
  readonly hashes: Uint8Array
  readonly lengths: Uint32Array
}

/** Packs chunks that were collected one by one, for example while a stream was cut. */
export function packChunks(chunks: readonly { hash: Uint8Array; length: number }[]): ChunkList {
  const hashes = new Uint8Array(chunks.length * HASH_BYTES)
  const lengths = new Uint32Array(chunks.length)
  for (const [i, chunk] of chunks.entries()) {
    hashes.set(chunk.hash, i * HASH_BYTES)
    lengths[i] = chunk.length
  }
  return { hashes, lengths }
}

/** Chunks [start, end) as views into `chunks`. */
export function sliceChunks(chunks: ChunkList, start: number, end: number): ChunkList {
  return {
    hashes: chunks.hashes.subarray(start * HASH_BYTES, end * HASH_BYTES),
    lengths: chunks.lengths.subarray(start, end),
  }
}

/** One list from many, as needed to hash a file whose terms lie in several xorbs. */
export function concatChunks(lists: readonly ChunkList[]): ChunkList {
  const count = lists.reduce((sum, list) => sum + list.lengths.length, 0)
  const hashes = new Uint8Array(count * HASH_BYTES)
  const lengths = new Uint32Array(count)
  let at = 0
  for (const list of lists) {
    hashes.set(list.hashes, at * HASH_BYTES)
    lengths.set(list.lengths, at)
    at += list.lengths.length
  }
  return { hashes, lengths }
}

/** Raw bytes of all chunks together. */
export function totalLength(chunks: ChunkList): number {
  let sum = 0
  for (const length of chunks.lengths) sum += length
  return sum
}
