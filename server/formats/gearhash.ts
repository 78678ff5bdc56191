import { findGearCut } from './gear-kernel.ts'

/** No cut before this many bytes; only the last chunk of a file may be shorter. */
export const MIN_CHUNK_BYTES = 8192
/** A chunk that grows to this is cut here. Also the most that any chunk of a xorb may hold. */
export const MAX_CHUNK_BYTES = 131_072

/**
 * Ends of the chunks that are whole in `bytes`, which begin where a chunk begins: exactly where hf_xet cuts (xet-core
 * `chunking.rs:next_boundary`), at the first byte from the 8192nd of a chunk on where the gear hash matches, at 131072
 * bytes at the latest. A match before 8192 is passed over and the scan goes on; the JavaScript client gets this wrong, so
 * never expect its cuts to equal these.
 *
 * What comes after the last end, less than MAX_CHUNK_BYTES, begins the chunk that the bytes after these go on with: give
 * it again before them, its length as `scanned`. When nothing follows, it is the last chunk.
 */
export function findChunkEnds(bytes: Uint8Array, scanned = 0): number[] {
  const ends: number[] = []
  for (let start = 0, from = scanned; ; ) {
    const limit = Math.min(start + MAX_CHUNK_BYTES, bytes.length)
    const end = findChunkEnd(bytes, start, from, limit)
    if (end === 0) return ends
    ends.push(end)
    start = from = end
  }
}

/** End of the chunk that starts at `start`, looked for in (scanned, limit], or 0 if it goes on after `limit`. */
function findChunkEnd(bytes: Uint8Array, start: number, scanned: number, limit: number): number {
  const from = Math.max(scanned, start + MIN_CHUNK_BYTES - 1)
  const cut = from < limit ? findGearCut(bytes, from, limit) : 0
  return cut === 0 && limit - start === MAX_CHUNK_BYTES ? limit : cut
}
