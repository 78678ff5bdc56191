/** Room for 1 MiB, and for the largest frame or chunk that may follow it. */
export const BLOCK_BYTES = 1024 * 1024 + 256 * 1024
/** Kept for the uploads to come: 40 MiB. */
const keptBlocks = 32

/**
 * Memory into which uploads are gathered, used again and again: sockets bring 64 KiB at a time, and fresh memory for
 * each step of their way is the collector's largest work. It is shared with the worker threads, so nothing is copied for
 * them.
 */
export class BlockMemory {
  readonly #free: Uint8Array[] = []

  /** A block of BLOCK_BYTES; what it holds is of no meaning. */
  take(): Uint8Array {
    return this.#free.pop() ?? Buffer.from(new SharedArrayBuffer(BLOCK_BYTES))
  }

  /** `bytes` are a block or a view of it. Nobody may read it or write to it from now on. */
  give(bytes: Uint8Array): void {
    if (this.#free.length < keptBlocks) this.#free.push(Buffer.from(bytes.buffer))
  }
}
