import { decompressFrameSync, uncompressSync } from 'lz4-napi'
import { MalformedInput } from '../kernel/errors.ts'

/**
 * One LZ4 frame (lz4 `doc/lz4_Frame_format.md`) of known decoded length.
 *
 * LZ4 can inflate 255-fold, and the native decoders allocate whatever a frame asks for. So the frame is first walked
 * without decoding: every sequence of every block is measured and every offset checked, at 4 GB/s. Only a frame that
 * decodes to exactly the length that was promised reaches native code. It also has to be a frame that hf_xet's
 * decoder takes, because clients are served the same bytes: checksums are verified, nothing may follow.
 */

interface Block {
  readonly start: number
  readonly end: number
  readonly isStored: boolean
}

interface Frame {
  readonly blocks: readonly Block[]
  readonly hasChecksums: boolean
}

const magic = 0x184d2204
const shortestDescriptor = 7
/** The native block decoder wants a u32 with the decoded length before the block, so a block is copied to here. */
let scratch = new Uint8Array(65_536 + 4)

/**
 * Decodes `frame`, which must hold exactly one frame of exactly `rawLength` decoded bytes. The result may be a view of
 * `frame`. Throws MalformedInput about `subject`.
 */
export function decodeLz4Frame(subject: string, frame: Uint8Array, rawLength: number): Uint8Array {
  const { blocks, hasChecksums } = walkFrame(subject, frame, rawLength)
  const [block] = blocks
  try {
    // Both clients write one block without checksums, whose direct decoding is 2 to 6 times as fast.
    if (block && blocks.length === 1 && !hasChecksums) return decodeBlock(frame, block, rawLength)
    return decompressFrameSync(Buffer.from(frame.buffer, frame.byteOffset, frame.length))
  } catch (error) {
    throw new MalformedInput(subject, `the LZ4 decoder refuses the frame: ${(error as Error).message}`)
  }
}

function decodeBlock(frame: Uint8Array, block: Block, rawLength: number): Uint8Array {
  const stored = frame.subarray(block.start, block.end)
  if (block.isStored) return stored
  const prefixed = stored.length + 4
  if (scratch.length < prefixed) scratch = new Uint8Array(prefixed)
  new DataView(scratch.buffer).setUint32(0, rawLength, true)
  scratch.set(stored, 4)
  return uncompressSync(scratch.subarray(0, prefixed))
}

function walkFrame(subject: string, frame: Uint8Array, rawLength: number): Frame {
  const fail = (message: string): never => {
    throw new MalformedInput(subject, `LZ4 frame ${message}`)
  }
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length)
  const need = (end: number, what: string): void => {
    if (end > frame.length) fail(`ends inside its ${what}: ${frame.length} bytes, needs ${end}`)
  }

  need(shortestDescriptor, 'header')
  if (view.getUint32(0, true) !== magic) fail('does not begin with the magic number 04 22 4d 18')
  const flags = frame[4]!
  const blockFlags = frame[5]!
  const isIndependent = (flags & 0x20) !== 0
  const hasBlockChecksums = (flags & 0x10) !== 0
  const hasContentSize = (flags & 0x08) !== 0
  const hasContentChecksum = (flags & 0x04) !== 0
  if (flags >> 6 !== 1) fail(`has version ${flags >> 6}, expected 1`)
  if ((flags & 0x03) !== 0) fail('wants a dictionary or sets a reserved flag')
  const sizeCode = blockFlags >> 4
  if ((blockFlags & 0x8f) !== 0 || sizeCode < 4)
    fail(`has an unknown block size byte 0x${blockFlags.toString(16)}`)
  const maxBlock = 1 << (2 * sizeCode + 8)

  let at = hasContentSize ? 15 : 7
  need(at, 'header')
  if (hasContentSize && view.getBigUint64(6, true) !== BigInt(rawLength)) {
    fail(`declares ${view.getBigUint64(6, true)} decoded bytes, expected ${rawLength}`)
  }
  if (frame[at - 1] !== headerChecksum(frame.subarray(4, at - 1))) fail('has a wrong header checksum')

  const blocks: Block[] = []
  let decoded = 0
  for (;;) {
    need(at + 4, `block ${blocks.length} header`)
    const word = view.getUint32(at, true)
    at += 4
    if (word === 0) break
    const isStored = word >= 0x80000000
    const length = word & 0x7fffffff
    if (length === 0 || length > maxBlock)
      fail(`block ${blocks.length} has ${length} bytes, allowed 1 to ${maxBlock}`)
    const end = at + length
    need(end + (hasBlockChecksums ? 4 : 0), `block ${blocks.length}`)
    const history = isIndependent ? 0 : decoded
    const decodedLength = isStored ? length : measureBlock(frame, at, end, history)
    if (decodedLength <= 0) fail(`block ${blocks.length} is not an LZ4 block`)
    if (decodedLength > maxBlock) fail(`block ${blocks.length} decodes to more than ${maxBlock} bytes`)
    decoded += decodedLength
    if (decoded > rawLength) fail(`decodes to more than the ${rawLength} bytes declared`)
    blocks.push({ start: at, end, isStored })
    at = end + (hasBlockChecksums ? 4 : 0)
  }
  if (decoded !== rawLength) fail(`decodes to ${decoded} bytes, declared are ${rawLength}`)
  if (hasContentChecksum) at += 4
  need(at, 'content checksum')
  if (at !== frame.length) fail(`is followed by ${frame.length - at} bytes that belong to nothing`)
  return { blocks, hasChecksums: hasBlockChecksums || hasContentChecksum }
}

/**
 * Decoded length of the LZ4 block [start, end), or -1 if it breaks the block format: cut short, not ended by
 * literals, or with an offset to before the first of `history` earlier bytes.
 */
function measureBlock(bytes: Uint8Array, start: number, end: number, history: number): number {
  let at = start
  let decoded = history
  while (at < end) {
    const token = bytes[at++]!
    let literals = token >> 4
    if (literals === 15) {
      let more = 255
      while (more === 255) {
        if (at >= end) return -1
        more = bytes[at++]!
        literals += more
      }
    }
    at += literals
    decoded += literals
    if (at === end) return decoded - history
    if (at + 2 > end) return -1
    const offset = bytes[at]! | (bytes[at + 1]! << 8)
    at += 2
    if (offset === 0 || offset > decoded) return -1
    let match = (token & 15) + 4
    if (match === 19) {
      let more = 255
      while (more === 255) {
        if (at >= end) return -1
        more = bytes[at++]!
        match += more
      }
    }
    decoded += match
  }
  return -1
}

/** Second byte of xxHash32, seed 0, of at most 15 bytes. */
function headerChecksum(bytes: Uint8Array): number {
  const rotate = (value: number, by: number): number => (value << by) | (value >>> (32 - by))
  let hash = 0x165667b1 + bytes.length
  let at = 0
  for (; at + 4 <= bytes.length; at += 4) {
    const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    hash = Math.imul(rotate((hash + Math.imul(word, 0xc2b2ae3d)) | 0, 17), 0x27d4eb2f)
  }
  for (; at < bytes.length; at++) {
    hash = Math.imul(rotate((hash + Math.imul(bytes[at]!, 0x165667b1)) | 0, 11), 0x9e3779b1)
  }
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca77)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae3d)
  return ((hash ^ (hash >>> 16)) >>> 8) & 0xff
}
