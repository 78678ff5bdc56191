import { LimitExceeded, MalformedInput } from '../kernel/errors.ts'
import { MAX_CHUNK_BYTES } from './gearhash.ts'
import { decodeGroupedLz4Frame, decodeLz4Frame } from './lz4-frame.ts'

/** A frame is one chunk of a xorb as it travels and rests: this header, then the chunk by one of three schemes. */
export const FRAME_HEADER_BYTES = 8

/** Most bytes of a chunk after compression: a bad compressor may inflate, but not beyond twice the largest chunk. */
const maxStoredBytes = 2 * MAX_CHUNK_BYTES

/** As is; LZ4 frame; byte grouping by 4, then LZ4 frame. */
export type FrameScheme = 0 | 1 | 2

export interface FrameHeader {
  readonly scheme: FrameScheme
  /** Bytes that follow the header. */
  readonly storedLength: number
  /** Bytes of the chunk. */
  readonly rawLength: number
}

/** Reads the header at `offset`. Throws MalformedInput or LimitExceeded about `subject`. */
export function readFrameHeader(subject: string, bytes: Uint8Array, offset: number): FrameHeader {
  if (offset + FRAME_HEADER_BYTES > bytes.length) {
    throw new MalformedInput(
      subject,
      `frame header needs 8 bytes at ${offset}, there are ${bytes.length - offset}`,
    )
  }
  const version = bytes[offset]!
  if (version !== 0)
    throw new MalformedInput(subject, `frame header at ${offset} has version ${version}, expected 0`)
  const scheme = bytes[offset + 4]!
  if (scheme !== 0 && scheme !== 1 && scheme !== 2) {
    throw new MalformedInput(
      subject,
      `frame at ${offset} has compression scheme ${scheme}, expected 0, 1 or 2`,
    )
  }
  const storedLength = readU24(bytes, offset + 1)
  const rawLength = readU24(bytes, offset + 5)
  if (storedLength > maxStoredBytes) {
    throw new LimitExceeded(
      `${subject}: compressed length of the frame`,
      maxStoredBytes,
      'bytes',
      storedLength,
    )
  }
  if (rawLength > MAX_CHUNK_BYTES) {
    throw new LimitExceeded(`${subject}: length of the chunk`, MAX_CHUNK_BYTES, 'bytes', rawLength)
  }
  if (rawLength === 0 || storedLength === 0)
    throw new MalformedInput(subject, `frame at ${offset} holds no bytes`)
  if (scheme === 0 && storedLength !== rawLength) {
    throw new MalformedInput(
      subject,
      `frame at ${offset} is uncompressed, yet ${storedLength} bytes are to hold ${rawLength}`,
    )
  }
  return { scheme, storedLength, rawLength }
}

export function writeFrameHeader(target: Uint8Array, offset: number, header: FrameHeader): void {
  target[offset] = 0
  writeU24(target, offset + 1, header.storedLength)
  target[offset + 4] = header.scheme
  writeU24(target, offset + 5, header.rawLength)
}

/** A frame of scheme 0 around a chunk of 1 to 131072 bytes. */
export function encodeStoredFrame(raw: Uint8Array): Uint8Array {
  const frame = new Uint8Array(FRAME_HEADER_BYTES + raw.length)
  writeFrameHeader(frame, 0, { scheme: 0, storedLength: raw.length, rawLength: raw.length })
  frame.set(raw, FRAME_HEADER_BYTES)
  return frame
}

/**
 * The chunk in a frame whose header was read and whose `storedLength` bytes are `stored`: exactly `rawLength` bytes, a
 * view of `stored` or of memory that the next frame is decoded into. Who copies it to shared memory gets it faster from
 * the same `address` modulo 8, as far as weights go (`lz4-kernel.ts`). Throws MalformedInput about `subject`.
 */
export function decodeFrame(
  subject: string,
  { scheme, rawLength }: FrameHeader,
  stored: Uint8Array,
  address = 0,
): Uint8Array {
  if (scheme === 0) return stored
  if (scheme === 1) return decodeLz4Frame(subject, stored, rawLength)
  return decodeGroupedLz4Frame(subject, stored, rawLength, address)
}

/**
 * Decodes the frames that make up `frames`, one by one as the caller takes them, to chunks whose lengths must be
 * `rawLengths`. Hashes are not checked: that was done before the xorb was stored.
 * Throws MalformedInput or LimitExceeded about `subject`, naming the frame by its index in `frames`.
 */
export function* decodeFrames(
  subject: string,
  frames: Uint8Array,
  rawLengths: Uint32Array,
): Generator<Uint8Array, void, undefined> {
  let at = 0
  for (const [i, rawLength] of rawLengths.entries()) {
    const frameSubject = `${subject}, frame ${i}`
    const header = readFrameHeader(frameSubject, frames, at)
    if (header.rawLength !== rawLength) {
      throw new MalformedInput(frameSubject, `holds ${header.rawLength} bytes, expected ${rawLength}`)
    }
    const end = at + FRAME_HEADER_BYTES + header.storedLength
    if (end > frames.length) {
      throw new MalformedInput(frameSubject, `ends at ${end}, but there are only ${frames.length} bytes`)
    }
    yield new Uint8Array(decodeFrame(frameSubject, header, frames.subarray(at + FRAME_HEADER_BYTES, end)))
    at = end
  }
  if (at !== frames.length) {
    throw new MalformedInput(
      subject,
      `${frames.length - at} bytes follow the last of ${rawLengths.length} frames`,
    )
  }
}

function readU24(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16)
}

function writeU24(target: Uint8Array, at: number, value: number): void {
  target[at] = value
  target[at + 1] = value >> 8
  target[at + 2] = value >> 16
}
