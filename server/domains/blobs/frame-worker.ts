import { move, transferableSymbol, valueSymbol } from 'piscina'
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
  | { readonly kind: 'inspect'; readonly bytes: Uint8Array; readonly hash: string }

export default function run(task: FrameTask): unknown {
  switch (task.kind) {
    case 'measure':
      return measureFrames(task.frames)
    case 'decode': {
      const decoded = decodeFrames(task.frames, task)
      if (isFault(decoded)) return decoded
      // Handed over, not copied.
      return move({ [transferableSymbol]: [decoded.buffer], [valueSymbol]: decoded } as never)
    }
    case 'inspect':
      return inspectXorb(task.bytes, task.hash)
  }
}
