import { availableParallelism } from 'node:os'
import { Piscina } from 'piscina'
import { type ChunkList, sliceChunks, totalLength } from '../../formats/chunk-list.ts'
import { CorruptChunk } from './errors.ts'
import {
  decodeFrames,
  type FrameFacts,
  type FrameFault,
  type Frames,
  isFault,
  measureFrames,
} from './frame-work.ts'
import type { FrameTask } from './frame-worker.ts'

/** Below this many bytes the way to a worker and back takes longer than the work. */
const inlineBytes = 128 * 1024

/** Decodes and hashes off the event loop. Threads start with the first work and end when there is none for a while. */
export class FramePool {
  readonly #pool = new Piscina<FrameTask, unknown>({
    filename: new URL('./frame-worker.ts', import.meta.url).href,
    minThreads: 0,
    maxThreads: Math.max(1, availableParallelism() - 1),
    idleTimeout: 30_000,
  })

  /** What the frames of an upload hold, or what is wrong with them. `frames.bytes` stays usable. */
  async measure(frames: Frames): Promise<FrameFacts | FrameFault> {
    if (frames.bytes.length <= inlineBytes) return measureFrames(frames)
    return (await this.#pool.run({ kind: 'measure', frames: { ...frames, bytes: alone(frames.bytes) } })) as
      | FrameFacts
      | FrameFault
  }

  /**
   * The raw bytes of chunks [start, end) of a stored xorb from their frames, whose array is given away. Throws
   * CorruptChunk unless every one has the hash that it was stored with.
   */
  async decode(
    xorbHash: string,
    bytes: Uint8Array,
    chunks: ChunkList,
    start: number,
    end: number,
  ): Promise<Uint8Array> {
    const frames: Frames = { bytes, position: start, count: end - start }
    const expected = sliceChunks(chunks, start, end)
    const result =
      totalLength(expected) <= inlineBytes
        ? decodeFrames(frames, expected)
        : await this.#decodeInWorker(frames, expected)
    if (isFault(result)) throw new CorruptChunk(xorbHash, result.position, result.fault)
    return result
  }

  async #decodeInWorker(frames: Frames, expected: ChunkList): Promise<Uint8Array | FrameFault> {
    const bytes = alone(frames.bytes)
    const task: FrameTask = {
      kind: 'decode',
      frames: { ...frames, bytes },
      hashes: expected.hashes.slice(),
      lengths: expected.lengths.slice(),
    }
    return (await this.#pool.run(task, { transferList: [bytes.buffer] as never })) as Uint8Array | FrameFault
  }

  /** Checks a whole xorb object, footer included. Returns what is wrong with it. */
  async inspect(bytes: Uint8Array, hash: string): Promise<string | undefined> {
    return (await this.#pool.run({ kind: 'inspect', bytes: alone(bytes), hash })) as string | undefined
  }

  async close(): Promise<void> {
    await this.#pool.destroy()
  }
}

/** Sending a view sends the whole array behind it: a view of a small part is cut out first. */
function alone(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice()
}
