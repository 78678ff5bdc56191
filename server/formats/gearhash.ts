import { findGearCut } from './gear-kernel.ts'

/** No cut before this many bytes; only the last chunk of a file may be shorter. */
export const MIN_CHUNK_BYTES = 8192
/** A chunk that grows to this is cut here. Also the most that any chunk of a xorb may hold. */
export const MAX_CHUNK_BYTES = 131_072

/** Copied at a time when a chunk continues from an earlier block: little is copied past its end. */
const carryStep = 16_384

/**
 * Cuts a stream into chunks exactly where hf_xet cuts (xet-core `chunking.rs:next_boundary`): at the first byte from
 * the 8192nd of a chunk on where the gear hash matches, at 131072 bytes at the latest. A match before 8192 is passed
 * over and the scan goes on; the JavaScript client gets this wrong, so never expect its cuts to equal these.
 *
 * How the stream is split into blocks changes nothing. Holds at most one chunk.
 */
export class Chunker {
  readonly #carry = new Uint8Array(MAX_CHUNK_BYTES)
  #carried = 0

  /**
   * The chunks that end within `block`. A chunk that lies inside `block` is a view of it, good until the caller
   * reuses the block; one that began in an earlier block is a copy.
   */
  push(block: Uint8Array): Uint8Array[] {
    const chunks: Uint8Array[] = []
    let at = 0
    while (this.#carried > 0 && at < block.length) {
      at += this.#carryOn(block, at, chunks)
    }
    while (at < block.length) {
      const limit = Math.min(at + MAX_CHUNK_BYTES, block.length)
      const cut = findChunkEnd(block, at, at, limit)
      if (cut === 0) {
        this.#carry.set(block.subarray(at))
        this.#carried = block.length - at
        break
      }
      chunks.push(block.subarray(at, cut))
      at = cut
    }
    return chunks
  }

  /** The last chunk, unless the stream was empty or ended on a cut. Afterwards the chunker is as new. */
  finish(): Uint8Array | undefined {
    const last = this.#carried > 0 ? this.#carry.slice(0, this.#carried) : undefined
    this.#carried = 0
    return last
  }

  /** Adds to the chunk begun earlier, emits it if that completes it, and returns how many bytes it took. */
  #carryOn(block: Uint8Array, at: number, chunks: Uint8Array[]): number {
    const before = this.#carried
    const taken = Math.min(block.length - at, carryStep, MAX_CHUNK_BYTES - before)
    this.#carry.set(block.subarray(at, at + taken), before)
    const cut = findChunkEnd(this.#carry, 0, before, before + taken)
    if (cut === 0) {
      this.#carried = before + taken
      return taken
    }
    chunks.push(this.#carry.slice(0, cut))
    this.#carried = 0
    return cut - before
  }
}

/**
 * End of the chunk that starts at `start`, looked for in (scanned, limit], or 0 if it goes on after `limit`.
 * `limit` is at most MAX_CHUNK_BYTES after `start`.
 */
function findChunkEnd(bytes: Uint8Array, start: number, scanned: number, limit: number): number {
  const from = Math.max(scanned, start + MIN_CHUNK_BYTES - 1)
  const cut = from < limit ? findGearCut(bytes, from, limit) : 0
  return cut === 0 && limit - start === MAX_CHUNK_BYTES ? limit : cut
}
