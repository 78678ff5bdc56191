import { MAX_XORB_BYTES } from '../../formats/xorb.ts'
import { MAX_XORB_CHUNKS } from '../../formats/xorb-footer.ts'
import { FRAME_HEADER_BYTES, readFrameHeader } from '../../formats/xorb-frame.ts'
import { copyBytes } from '../../kernel/copy-bytes.ts'
import { LimitExceeded, MalformedInput } from '../../kernel/errors.ts'
import type { BlockMemory } from './block-memory.ts'
import type { Frames } from './frame-work.ts'

/** More than the footer of the fullest xorb has. */
const maxFooterBytes = 1024 * 1024

/** What follows the frames of an uploaded xorb: its footer, whole. */
export interface FooterBytes {
  readonly footer: Uint8Array
}

/**
 * Cuts an uploaded xorb at frame borders as it arrives. Each batch lies in a block of `memory` that is the reader's, to
 * give back; a piece of `source` is not looked at again once the next is asked for. Only headers are read. Throws
 * MalformedInput or LimitExceeded about `subject` at the first header that cannot be, and when the upload ends inside a
 * frame.
 */
export async function* splitFrames(
  subject: string,
  source: AsyncIterable<Uint8Array>,
  memory: BlockMemory,
): AsyncGenerator<Frames | FooterBytes, void, undefined> {
  let batch = new FrameBatch(subject, memory.take(), 0)
  let isGiven = false
  const footer: Uint8Array[] = []
  let footerBytes = 0
  let total = 0
  try {
    for await (const bytes of source) {
      total += bytes.length
      if (total > MAX_XORB_BYTES) throw new LimitExceeded(subject, MAX_XORB_BYTES, 'bytes')
      for (let at = 0; at < bytes.length; ) {
        if (batch.isAtFooter) {
          footerBytes += bytes.length - at
          if (footerBytes > maxFooterBytes) {
            throw new LimitExceeded(`${subject}: its footer`, maxFooterBytes, 'bytes')
          }
          footer.push(Uint8Array.from(bytes.subarray(at)))
          break
        }
        at += batch.take(bytes.subarray(at))
        if (batch.isFull) {
          const full = batch
          batch = full.next(memory.take())
          yield full.frames()
        }
      }
    }
    if (batch.position + batch.count === 0) throw new MalformedInput(subject, 'holds no chunks')
    const rest = Uint8Array.from(batch.rest())
    const { isAtFooter } = batch
    if (batch.count > 0) {
      isGiven = true
      yield batch.frames()
    }
    if (isAtFooter) {
      yield { footer: Buffer.concat([rest, ...footer]) }
    } else if (rest.length > 0) {
      throw new MalformedInput(
        `${subject}, chunk ${batch.position + batch.count}`,
        `is cut short: the upload ends ${rest.length} bytes into its frame`,
      )
    }
  } finally {
    if (!isGiven) memory.give(batch.block)
  }
}

/** Frames gathered in one block. */
class FrameBatch {
  readonly block: Uint8Array
  /** Chunk of the xorb that the first frame holds. */
  readonly position: number
  count = 0
  readonly #subject: string
  #filled = 0
  /** End of the last frame whose header was read; may lie beyond what has come. */
  #frameEnd = 0
  /** End of the last frame that is here whole. */
  #wholeEnd = 0

  constructor(subject: string, block: Uint8Array, position: number) {
    this.#subject = subject
    this.block = block
    this.position = position
  }

  get isFull(): boolean {
    return this.#filled === this.block.length
  }

  /** A frame begins with 0, a footer with the letter X. */
  get isAtFooter(): boolean {
    return (
      this.#filled > this.#wholeEnd && this.#frameEnd === this.#wholeEnd && this.block[this.#wholeEnd] !== 0
    )
  }

  /** Takes what has room and returns how much that was. */
  take(bytes: Uint8Array): number {
    const taken = Math.min(bytes.length, this.block.length - this.#filled)
    copyBytes(bytes.subarray(0, taken), this.block, this.#filled)
    this.#filled += taken
    this.#walk()
    return taken
  }

  frames(): Frames {
    return { bytes: this.block.subarray(0, this.#wholeEnd), position: this.position, count: this.count }
  }

  /** What came after the last whole frame. */
  rest(): Uint8Array {
    return this.block.subarray(this.#wholeEnd, this.#filled)
  }

  /** The batch after this one, with what is left over. */
  next(block: Uint8Array): FrameBatch {
    const next = new FrameBatch(this.#subject, block, this.position + this.count)
    next.take(this.rest())
    return next
  }

  #walk(): void {
    while (!this.isAtFooter) {
      if (this.#frameEnd === this.#wholeEnd) {
        if (this.#filled - this.#wholeEnd < FRAME_HEADER_BYTES) return
        const chunk = this.position + this.count
        const subject = `${this.#subject}, chunk ${chunk}`
        if (chunk === MAX_XORB_CHUNKS) {
          throw new LimitExceeded(`${this.#subject}: its chunks`, MAX_XORB_CHUNKS, 'chunks')
        }
        const header = readFrameHeader(subject, this.block.subarray(0, this.#filled), this.#wholeEnd)
        this.#frameEnd = this.#wholeEnd + FRAME_HEADER_BYTES + header.storedLength
      }
      if (this.#frameEnd > this.#filled) return
      this.#wholeEnd = this.#frameEnd
      this.count++
    }
  }
}
