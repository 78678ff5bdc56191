import { move, transferableSymbol, valueSymbol } from 'piscina'
import { type DedupAnswer, encodeDedupShard } from '../../formats/shard-encode.ts'
import { decodeFrames, type Frames, inspectXorb, isFault, measureFrames } from './frame-work.ts'

/** What a worker thread of the frame pool runs. Only numbers, text and byte arrays pass between threads. */
export type FrameTask =
  | { readonly kind: 'measure'; readonly frames: Frames }
  | {
      readonly kind: 'decode'
      readonly frames: Frames
      readonly hashes: Uint8Array
      readonly lengths: Uint32Array
    }
  | {
      readonly kind: 'decode-shared'
      readonly frames: Frames
      readonly hashes: Uint8Array
      readonly lengths: Uint32Array
      /** Shared memory, as that of the frames is. */
      readonly into: Uint8Array
    }
  | { readonly kind: 'inspect'; readonly bytes: Uint8Array; readonly hash: string }
  | { readonly kind: 'answer'; readonly answer: DedupAnswer }

export default function run(task: FrameTask): unknown {
  switch (task.kind) {
    case 'measure':
      return measureFrames(task.frames)
    case 'decode': {
      const decoded = decodeFrames(task.frames, task)
      if (isFault(decoded)) return decoded
      return handOver(decoded)
    }
    case 'decode-shared': {
      const decoded = decodeFrames(task.frames, task, task.into)
      return isFault(decoded) ? decoded : undefined
    }
    case 'inspect':
      return inspectXorb(task.bytes, task.hash)
    case 'answer':
      return handOver(new Uint8Array(encodeDedupShard(task.answer)))
  }
}

/** To the other thread without a copy. The bytes are the whole of their array. */
function handOver(bytes: Uint8Array): unknown {
  return move({ [transferableSymbol]: [bytes.buffer], [valueSymbol]: bytes } as never)
}
