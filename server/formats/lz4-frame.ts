import { MalformedInput } from '../kernel/errors.ts'
import { decodeBlock, putStored, takeDecoded, takeJoined } from './lz4-kernel.ts'
import { xxh32 } from './xxh32.ts'

const magic = 0x184d2204
const shortestDescriptor = 7

/**
 * Decodes one LZ4 frame (lz4 `doc/lz4_Frame_format.md`), which must hold exactly `rawLength` bytes, at most those of a
 * chunk. The result is good until the next frame is decoded: its memory is used again. LZ4 can inflate 255-fold; here a
 * frame ends where it exceeds what was promised. It has to be a frame that hf_xet's decoder takes, because clients are
 * served the same bytes: checksums are verified, nothing may follow. Throws MalformedInput about `subject`.
 */
export function decodeLz4Frame(subject: string, frame: Uint8Array, rawLength: number): Uint8Array {
  decodeInKernel(subject, frame, rawLength)
  return takeDecoded(rawLength)
}

/** The same of a frame around grouped bytes, whose grouping is undone. The result lies at `address` modulo 8. */
export function decodeGroupedLz4Frame(
  subject: string,
  frame: Uint8Array,
  rawLength: number,
  address: number,
): Uint8Array {
  decodeInKernel(subject, frame, rawLength)
  return takeJoined(rawLength, address)
}

function decodeInKernel(subject: string, frame: Uint8Array, rawLength: number): void {
  const fail = (message: string): never => {
    throw new MalformedInput(subject, `LZ4 frame ${message}`)
  }
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length)
  const need = (end: number, what: string): void => {
    if (end > frame.length) fail(`ends inside its ${what}: ${frame.length} bytes, needs ${end}`)
  }
  const check = (sum: number, at: number, what: string): void => {
    if (view.getUint32(at, true) !== sum) fail(`has a wrong checksum of its ${what}`)
  }

  need(shortestDescriptor, 'header')
  if (view.getUint32(0, true) !== magic) fail('does not begin with the magic number 04 22 4d 18')
  const flags = frame[4]!
  const blockFlags = frame[5]!
  const isIndependent = (flags & 0x20) !== 0
  const checksumBytes = (flags & 0x10) === 0 ? 0 : 4
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
  if (frame[at - 1] !== ((xxh32(frame.subarray(4, at - 1)) >>> 8) & 0xff)) fail('has a wrong header checksum')

  let decoded = 0
  for (let i = 0; ; i++) {
    need(at + 4, `block ${i} header`)
    const word = view.getUint32(at, true)
    at += 4
    if (word === 0) break
    const length = word & 0x7fffffff
    if (length === 0 || length > maxBlock) fail(`block ${i} has ${length} bytes, allowed 1 to ${maxBlock}`)
    const end = at + length
    need(end + checksumBytes, `block ${i}`)
    const block = frame.subarray(at, end)
    if (checksumBytes > 0) check(xxh32(block), end, `block ${i}`)
    if (word < 0x80000000) {
      const limit = Math.min(rawLength, decoded + maxBlock)
      const grown = decodeBlock(block, decoded, isIndependent ? decoded : 0, limit)
      if (grown <= decoded) fail(`block ${i} is not an LZ4 block`)
      if (grown > decoded + maxBlock) fail(`block ${i} decodes to more than ${maxBlock} bytes`)
      if (grown > rawLength) fail(`decodes to more than the ${rawLength} bytes declared`)
      decoded = grown
    } else {
      if (length > rawLength - decoded) fail(`decodes to more than the ${rawLength} bytes declared`)
      putStored(block, decoded)
      decoded += length
    }
    at = end + checksumBytes
  }
  if (decoded !== rawLength) fail(`decodes to ${decoded} bytes, declared are ${rawLength}`)
  if (hasContentChecksum) {
    need(at + 4, 'content checksum')
    check(xxh32(takeDecoded(decoded)), at, 'content')
    at += 4
  }
  if (at !== frame.length) fail(`is followed by ${frame.length - at} bytes that belong to nothing`)
}
