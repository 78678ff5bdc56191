import { chunkHash } from '../../formats/merkle.ts'
import { HASH_BYTES } from '../../formats/xet-hash.ts'
import { verifyXorb } from '../../formats/xorb.ts'
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
  const fault = eachChunk(frames, (raw, i, end) => {
    hashes.set(chunkHash(raw), i * HASH_BYTES)
    lengths[i] = raw.length
    ends[i] = end
    return undefined
  })
  return fault ?? { hashes, lengths, ends }
}

/**
 * Decodes every frame, whose chunks must have these hashes and lengths, into one array: that of the frames, which are
 * gone then, if none is compressed, else `into`, or a new one.
 */
export function decodeFrames(
  frames: Frames,
  expected: { readonly hashes: Uint8Array; readonly lengths: Uint32Array },
  into?: Uint8Array,
): Uint8Array | FrameFault {
  let total = 0
  for (const length of expected.lengths) total += length
  const decoded = areAllStored(frames)
    ? frames.bytes.subarray(0, total)
    : (into?.subarray(0, total) ?? new Uint8Array(total))
  let at = 0
  const fault = eachChunk(frames, (raw, i) => {
    if (raw.length !== expected.lengths[i])
      return `holds ${raw.length} bytes, expected ${expected.lengths[i]}`
    const hash = expected.hashes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES)
    if (Buffer.compare(chunkHash(raw), hash) !== 0) return 'has another hash than when it was stored'
    decoded.set(raw, at)
    at += raw.length
    return undefined
  })
  return fault ?? decoded
}

/** Checks a whole xorb object with its footer against its name. Returns what is wrong. */
export function inspectXorb(bytes: Uint8Array, hash: string): string | undefined {
  try {
    verifyXorb(bytes, hash)
    return undefined
  } catch (error) {
    if (error instanceof HubError) return error.message
    throw error
  }
}

/** None is compressed. Then each chunk can be moved to where it belongs, which is before where it is. */
export function areAllStored({ bytes, count }: Frames): boolean {
  let at = 0
  for (let i = 0; i < count; i++) {
    if (at + FRAME_HEADER_BYTES > bytes.length || bytes[at + 4] !== 0) return false
    at += FRAME_HEADER_BYTES + (bytes[at + 1]! | (bytes[at + 2]! << 8) | (bytes[at + 3]! << 16))
  }
  return at === bytes.length
}

function eachChunk(
  frames: Frames,
  visit: (raw: Uint8Array, i: number, end: number) => string | undefined,
): FrameFault | undefined {
  const { bytes, position, count } = frames
  let at = 0
  for (let i = 0; i < count; i++) {
    const subject = `chunk ${position + i}`
    try {
      const header = readFrameHeader(subject, bytes, at)
      const start = at + FRAME_HEADER_BYTES
      at = start + header.storedLength
      if (at > bytes.length) return { fault: 'its frame is cut short', position: position + i }
      const fault = visit(decodeFrame(subject, header, bytes.subarray(start, at)), i, at)
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
