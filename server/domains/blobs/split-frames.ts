import { MAX_XORB_BYTES } from '../../formats/xorb.ts'
import { MAX_XORB_CHUNKS } from '../../formats/xorb-footer.ts'
import { FRAME_HEADER_BYTES, readFrameHeader } from '../../formats/xorb-frame.ts'
import { LimitExceeded, MalformedInput } from '../../kernel/errors.ts'
import type { Frames } from './frame-work.ts'

/** Frames are handed on in runs of about this many bytes. */
const batchBytes = 1024 * 1024
/** Room for the batch, and for the largest frame after it. */
const bufferBytes = batchBytes + FRAME_HEADER_BYTES + 256 * 1024

/** What follows the frames of an uploaded xorb: its footer, whole. */
export interface FooterBytes {
  readonly footer: Uint8Array
}

/**
 * Cuts an uploaded xorb at frame borders as it arrives; no batch changes after it was given. Only headers are looked at.
 * Throws MalformedInput or LimitExceeded about `subject` at the first header that cannot be, and when the upload ends
 * inside a frame.
 */
export async function* splitFrames(
  subject: string,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Frames | FooterBytes, void, undefined> {
  let batch = new FrameBatch(subject, 0)
  const footer: Uint8Array[] = []
  let total = 0
  for await (const bytes of source) {
    total += bytes.length
    if (total > MAX_XORB_BYTES) throw new LimitExceeded(subject, MAX_XORB_BYTES, 'bytes')
    for (let at = 0; at < bytes.length; ) {
      if (batch.isAtFooter) {
        footer.push(bytes.slice(at))
        break
      }
      at += batch.take(bytes.subarray(at))
      if (batch.isFull) {
        yield batch.frames()
        batch = batch.next()
      }
    }
  }
  if (batch.position + batch.count === 0) throw new MalformedInput(subject, 'holds no chunks')
  if (batch.count > 0) yield batch.frames()
  const rest = batch.rest()
  if (batch.isAtFooter) {
    yield { footer: Buffer.concat([rest, ...footer]) }
  } else if (rest.length > 0) {
    throw new MalformedInput(
      `${subject}, chunk ${batch.position + batch.count}`,
      `is cut short: the upload ends ${rest.length} bytes into its frame`,
    )
  }
}

class FrameBatch {
  /** Chunk of the xorb that the first frame holds. */
  readonly position: number
  count = 0
  readonly #subject: string
  readonly #buffer = Buffer.allocUnsafeSlow(bufferBytes)
  #filled = 0
  /** End of the last frame whose header was read; may lie beyond what has come. */
  #frameEnd = 0
  /** End of the last frame that is here whole. */
  #wholeEnd = 0

  constructor(subject: string, position: number) {
    this.#subject = subject
    this.position = position
  }

  get isFull(): boolean {
    return this.#wholeEnd >= batchBytes
  }

  /** A frame begins with 0, a footer with the letter X. */
  get isAtFooter(): boolean {
    return (
      this.#filled > this.#wholeEnd && this.#frameEnd === this.#wholeEnd && this.#buffer[this.#wholeEnd] !== 0
    )
  }

  /** Takes what has room and returns how much that was. */
  take(bytes: Uint8Array): number {
    const taken = Math.min(bytes.length, bufferBytes - this.#filled)
    this.#buffer.set(bytes.subarray(0, taken), this.#filled)
    this.#filled += taken
    this.#walk()
    return taken
  }

  frames(): Frames {
    return { bytes: this.#buffer.subarray(0, this.#wholeEnd), position: this.position, count: this.count }
  }

  /** What came after the last whole frame. */
  rest(): Uint8Array {
    return this.#buffer.subarray(this.#wholeEnd, this.#filled)
  }

  /** The batch after this one, with what is left over. */
  next(): FrameBatch {
    const next = new FrameBatch(this.#subject, this.position + this.count)
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
        const header = readFrameHeader(subject, this.#buffer.subarray(0, this.#filled), this.#wholeEnd)
        this.#frameEnd = this.#wholeEnd + FRAME_HEADER_BYTES + header.storedLength
      }
      if (this.#frameEnd > this.#filled) return
      this.#wholeEnd = this.#frameEnd
      this.count++
    }
  }
}
