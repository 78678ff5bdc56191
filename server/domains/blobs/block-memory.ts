import { copyBytes } from '../../kernel/copy-bytes.ts'

/** Room for 1 MiB, and for the largest frame or chunk that may follow it. */
const blockBytes = 1024 * 1024 + 256 * 1024
/** Kept for the uploads to come: 40 MiB. */
const keptBlocks = 32

/**
 * Memory into which uploads are gathered, used again and again: sockets bring 64 KiB at a time, and fresh memory for
 * each step of their way is the collector's largest work. It is shared with the worker threads, so nothing is copied for
 * them.
 */
export class BlockMemory {
  readonly #free: Uint8Array[] = []

  /** A block; what it holds is of no meaning. */
  take(): Uint8Array {
    return this.#free.pop() ?? Buffer.from(new SharedArrayBuffer(blockBytes))
  }

  /** `bytes` are a block or a view of it. Nobody may read it or write to it from now on. */
  give(bytes: Uint8Array): void {
    if (this.#free.length < keptBlocks) this.#free.push(Buffer.from(bytes.buffer))
  }
}

/** The bytes of `source` by the block. A piece of either is good until the next one is asked for. */
export async function* inBlocks(
  source: AsyncIterable<Uint8Array>,
  memory: BlockMemory,
): AsyncGenerator<Uint8Array, void, undefined> {
  const block = memory.take()
  let filled = 0
  try {
    for await (const bytes of source) {
      for (let at = 0; at < bytes.length; ) {
        const taken = Math.min(bytes.length - at, block.length - filled)
        copyBytes(bytes.subarray(at, at + taken), block, filled)
        at += taken
        filled += taken
        if (filled < block.length) continue
        yield block
        filled = 0
      }
    }
    if (filled > 0) yield block.subarray(0, filled)
  } finally {
    memory.give(block)
  }
}
