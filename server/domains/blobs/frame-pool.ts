import { availableParallelism } from 'node:os'
import { Piscina } from 'piscina'
import { type ChunkList, sliceChunks, totalLength } from '../../formats/chunk-list.ts'
import type { DedupAnswer } from '../../formats/shard-encode.ts'
import { CorruptChunk } from './errors.ts'
import {
  areAllStored,
  decodeFrames,
  type FrameFacts,
  type FrameFault,
  type Frames,
  isFault,
  measureFrames,
} from './frame-work.ts'
import type { FrameTask } from './frame-worker.ts'

/**
 * Below this many bytes the way to a worker and back takes longer than the work. So it does for frames that are not
 * compressed, of any number: they are only hashed, 0.3 ms a MiB.
 */
const inlineBytes = 128 * 1024

/** Decodes and hashes off the event loop. Threads start with the first work and end when there is none for a while. */
export class FramePool {
  readonly #pool = new Piscina<FrameTask, unknown>({
    filename: new URL('./frame-worker.ts', import.meta.url).href,
    minThreads: 0,
    // The event loop is idle while they decode.
    maxThreads: availableParallelism(),
    idleTimeout: 30_000,
  })

  /** What the frames of an upload hold, or what is wrong with them. They lie in shared memory and stay as they are. */
  async measure(frames: Frames): Promise<FrameFacts | FrameFault> {
    if (frames.bytes.length <= inlineBytes || areAllStored(frames)) return measureFrames(frames)
    return (await this.#pool.run({ kind: 'measure', frames })) as FrameFacts | FrameFault
  }

  /**
   * The raw bytes of chunks [start, end) of a stored xorb from their frames. Frames that are not compressed are decoded
   * where they lie. Others into `into`, which like them must be shared memory then; without it their array is given
   * away. Throws CorruptChunk unless every chunk has the hash that it was stored with.
   */
  async decode(
    xorbHash: string,
    bytes: Uint8Array,
    chunks: ChunkList,
    start: number,
    end: number,
    into?: Uint8Array,
  ): Promise<Uint8Array> {
    const frames: Frames = { bytes, position: start, count: end - start }
    const expected = sliceChunks(chunks, start, end)
    const isQuick = totalLength(expected) <= inlineBytes || areAllStored(frames)
    const result = isQuick
      ? decodeFrames(frames, expected)
      : into
        ? await this.#decodeShared(frames, expected, into)
        : await this.#decodeInWorker(frames, expected)
    if (isFault(result)) throw new CorruptChunk(xorbHash, result.position, result.fault)
    return result
  }

  async #decodeShared(
    frames: Frames,
    expected: ChunkList,
    into: Uint8Array,
  ): Promise<Uint8Array | FrameFault> {
    const { hashes, lengths } = alone(expected)
    const fault = await this.#pool.run({ kind: 'decode-shared', frames, hashes, lengths, into })
    return (fault as FrameFault | undefined) ?? into.subarray(0, totalLength(expected))
  }

  async #decodeInWorker(frames: Frames, expected: ChunkList): Promise<Uint8Array | FrameFault> {
    const bytes = ownArray(frames.bytes)
    const task: FrameTask = { kind: 'decode', frames: { ...frames, bytes }, ...alone(expected) }
    return (await this.#run(task, bytes)) as Uint8Array | FrameFault
  }

  /** The shard that answers a global dedup query: keying the hashes of 1 GiB of content takes 40 ms. */
  async answer(answer: DedupAnswer): Promise<Uint8Array> {
    const task: FrameTask = { kind: 'answer', answer }
    return (await this.#pool.run(task)) as Uint8Array
  }

  /** Checks a whole xorb object, footer included, whose array is given away. Returns what is wrong with it. */
  async inspect(object: Uint8Array, hash: string): Promise<string | undefined> {
    const bytes = ownArray(object)
    return (await this.#run({ kind: 'inspect', bytes, hash }, bytes)) as string | undefined
  }

  /** Hands `given`, which the task holds, over to a worker instead of copying it. */
  async #run(task: FrameTask, given: Uint8Array): Promise<unknown> {
    return await this.#pool.run(task, { transferList: [given.buffer] as never })
  }

  async close(): Promise<void> {
    await this.#pool.destroy()
  }
}

/** Handing over a view hands over the whole array behind it: a view of a part is copied first. */
function ownArray(bytes: Uint8Array): Uint8Array {
  // Not by `slice`: that of a Buffer copies nothing.
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes)
}

/** Of a view, the message to a worker would carry the whole array behind it. */
function alone({ hashes, lengths }: ChunkList): ChunkList {
  return { hashes: new Uint8Array(hashes), lengths: new Uint32Array(lengths) }
}
