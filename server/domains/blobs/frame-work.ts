import { chunkHash } from '../../formats/merkle.ts'
import { HASH_BYTES } from '../../formats/xet-hash.ts'
import { verifyXorb } from '../../formats/xorb.ts'
import { encodeXorbFooter } from '../../formats/xorb-footer.ts'
import { decodeFrame, FRAME_HEADER_BYTES, readFrameHeader } from '../../formats/xorb-frame.ts'
import { HubError } from '../../kernel/errors.ts'

/** The work on frames that takes time: pure functions, run by a worker thread or, when small, where they are asked for. */

/** Whole frames one after the other; the first is chunk `position` of its xorb. */
export interface Frames {
  readonly bytes: Uint8Array
  readonly position: number
  readonly count: number
}

/** What frames hold: 32 bytes of hash and the raw length of each chunk, and where each frame ends in the bytes given. */
export interface FrameFacts {
  readonly hashes: Uint8Array
  readonly lengths: Uint32Array
  readonly ends: Uint32Array
}

/** Why frames cannot be what they should be. Errors do not survive the way between threads, so it is a value. */
export interface FrameFault {
  readonly fault: string
  /** Chunk of the xorb. */
  readonly position: number
}

export function isFault(result: object): result is FrameFault {
  return 'fault' in result
}

/** Decodes every frame and hashes its chunk. */
export function measureFrames(frames: Frames): FrameFacts | FrameFault {
  const hashes = new Uint8Array(frames.count * HASH_BYTES)
  const lengths = new Uint32Array(frames.count)
  const ends = new Uint32Array(frames.count)
  const fault = eachChunk(frames, (raw, i, _, end) => {
    hashes.set(chunkHash(raw), i * HASH_BYTES)
    lengths[i] = raw.length
    ends[i] = end
    return undefined
  })
  return fault ?? { hashes, lengths, ends }
}

/**
 * Decodes every frame, and compares hash and length of its chunk. The chunks go into the beginning of `into`, if that is
 * given; it may be the memory of frames that are not compressed, for each moves to before where it is.
 */
export function readFrames(
  frames: Frames,
  expected: { readonly hashes: Uint8Array; readonly lengths: Uint32Array },
  into?: Uint8Array,
): FrameFault | undefined {
  return eachChunk(frames, (raw, i, rawAt) => {
    if (raw.length !== expected.lengths[i])
      return `holds ${raw.length} bytes, expected ${expected.lengths[i]}`
    const hash = expected.hashes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES)
    if (Buffer.compare(chunkHash(raw), hash) !== 0) return 'has another hash than when it was stored'
    into?.set(raw, rawAt)
    return undefined
  })
}

/** Checks a whole xorb object with its footer against its name. Returns what is wrong. */
export function inspectXorb(bytes: Uint8Array, hash: string): string | undefined {
  try {
    const index = verifyXorb(bytes, hash)
    const footer = bytes.subarray(index.framesLength)
    return Buffer.compare(footer, encodeXorbFooter(index)) === 0
      ? undefined
      : 'its footer is not as it was written'
  } catch (error) {
    if (error instanceof HubError) return error.message
    throw error
  }
}

/** Whole frames, none of which is compressed. */
export function areAllStored(frames: Uint8Array): boolean {
  let at = 0
  while (at < frames.length) {
    if (at + FRAME_HEADER_BYTES > frames.length || frames[at + 4] !== 0) return false
    at += FRAME_HEADER_BYTES + (frames[at + 1]! | (frames[at + 2]! << 8) | (frames[at + 3]! << 16))
  }
  return at === frames.length
}

function eachChunk(
  frames: Frames,
  visit: (raw: Uint8Array, i: number, rawAt: number, end: number) => string | undefined,
): FrameFault | undefined {
  const { bytes, position, count } = frames
  let at = 0
  let rawAt = 0
  for (let i = 0; i < count; i++) {
    const subject = `chunk ${position + i}`
    try {
      const header = readFrameHeader(subject, bytes, at)
      const start = at + FRAME_HEADER_BYTES
      at = start + header.storedLength
      if (at > bytes.length) return { fault: 'its frame is cut short', position: position + i }
      const raw = decodeFrame(subject, header, bytes.subarray(start, at), rawAt)
      const fault = visit(raw, i, rawAt, at)
      rawAt += raw.length
      if (fault !== undefined) return { fault, position: position + i }
    } catch (error) {
      if (error instanceof HubError) return { fault: error.message, position: position + i }
      throw error
    }
  }
  return at === bytes.length
    ? undefined
    : { fault: `${bytes.length - at} bytes follow its frame`, position: position + count - 1 }
}
