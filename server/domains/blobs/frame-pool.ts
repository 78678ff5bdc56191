import { availableParallelism } from 'node:os'
import { Piscina } from 'piscina'
import { type ChunkList, sliceChunks, totalLength } from '../../formats/chunk-list.ts'
import type { DedupAnswer } from '../../formats/shard-encode.ts'
import { CorruptChunk } from './errors.ts'
import {
  areAllStored,
  type FrameFacts,
  type FrameFault,
  type Frames,
  measureFrames,
  readFrames,
} from './frame-work.ts'
import type { FrameTask } from './frame-worker.ts'
import type { XorbFrames } from './xorb-objects.ts'

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
    if (frames.bytes.length <= inlineBytes || areAllStored(frames.bytes)) return measureFrames(frames)
    return (await this.#pool.run({ kind: 'measure', frames })) as FrameFacts | FrameFault
  }

  /**
   * Decodes the frames into the beginning of `into`, which like theirs is shared memory; that of frames that are not
   * compressed may be the same. Throws CorruptChunk unless every chunk has the hash that it was stored with.
   */
  async decode(frames: XorbFrames, into: Uint8Array): Promise<void> {
    await this.#read(frames, into)
  }

  /** The same, but the chunks go nowhere. */
  async verify(frames: XorbFrames): Promise<void> {
    await this.#read(frames)
  }

  async #read({ index, start, end, bytes }: XorbFrames, into?: Uint8Array): Promise<void> {
    const frames: Frames = { bytes, position: start, count: end - start }
    const expected = sliceChunks(index.chunks, start, end)
    const isQuick = totalLength(expected) <= inlineBytes || areAllStored(bytes)
    const fault = isQuick
      ? readFrames(frames, expected, into)
      : ((await this.#pool.run({ kind: 'read', frames, into, ...alone(expected) })) as FrameFault | undefined)
    if (fault) throw new CorruptChunk(index.hash, fault.position, fault.fault)
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
