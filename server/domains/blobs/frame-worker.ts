import { move, transferableSymbol, valueSymbol } from 'piscina'
import { type DedupAnswer, encodeDedupShard } from '../../formats/shard-encode.ts'
import { type Frames, inspectXorb, measureFrames, readFrames } from './frame-work.ts'

/** What a worker thread of the frame pool runs. Only numbers, text and byte arrays pass between threads. */
export type FrameTask =
  | { readonly kind: 'measure'; readonly frames: Frames }
  | {
      readonly kind: 'read'
      /** In shared memory, as `into` is. */
      readonly frames: Frames
      readonly hashes: Uint8Array
      readonly lengths: Uint32Array
      readonly into: Uint8Array | undefined
    }
  | { readonly kind: 'inspect'; readonly bytes: Uint8Array; readonly hash: string }
  | { readonly kind: 'answer'; readonly answer: DedupAnswer }

export default function run(task: FrameTask): unknown {
  switch (task.kind) {
    case 'measure':
      return measureFrames(task.frames)
    case 'read':
      return readFrames(task.frames, task, task.into)
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
