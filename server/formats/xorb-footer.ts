import { MalformedInput } from '../kernel/errors.ts'
import type { ChunkList } from './chunk-list.ts'
import { MAX_CHUNK_BYTES } from './gearhash.ts'
import { xorbHash } from './merkle.ts'
import { HASH_BYTES, hashToText, textToHash } from './xet-hash.ts'
import { FRAME_HEADER_BYTES } from './xorb-frame.ts'

/** Most chunks of a xorb (xet-core `constants.rs:MAX_XORB_CHUNKS`). */
export const MAX_XORB_CHUNKS = 8192

/** What is in a xorb and where: enough to serve any range of chunks and to deduplicate against it. */
export interface XorbIndex {
  /** Text form. */
  readonly hash: string
  readonly chunks: ChunkList
  /** Offset at which each frame ends, headers included; the first begins at 0. */
  readonly frameEnds: Uint32Array
  /** Bytes of all frames together, i.e. the last of `frameEnds`: what follows is footer. */
  readonly framesLength: number
}

/** A footer as found, before anything is known to be true. V0 does not tell the chunks' lengths. */
export interface ParsedFooter {
  readonly hash: string
  readonly hashes: Uint8Array
  readonly frameEnds: Uint32Array
  readonly rawEnds: Uint32Array | undefined
}

const objectTag = Buffer.from('XETBLOB')
const hashesTag = Buffer.from('XBLBHSH')
const boundariesTag = Buffer.from('XBLBBND')
const tagBytes = 8
const lengthBytes = 4
const reservedBytes = 16

/** Bytes of the footer of a xorb with so many chunks, with the u32 after it that tells its length. */
export function xorbFooterLength(chunkCount: number): number {
  return 92 + chunkCount * (HASH_BYTES + 8) + lengthBytes
}

/** True if a footer begins at `offset`. No frame looks like that: its first byte is 0. */
export function isFooterAt(bytes: Uint8Array, offset: number): boolean {
  return objectTag.equals(bytes.subarray(offset, offset + objectTag.length))
}

/**
 * The standard footer, version 1, and the u32 that tells its length: appended to the frames it makes the object that
 * xet-core calls a serialized xorb (`xorb_object_format.rs:XorbObjectInfoV1`).
 */
export function encodeXorbFooter(index: XorbIndex): Uint8Array {
  const count = index.frameEnds.length
  const footer = Buffer.alloc(xorbFooterLength(count))
  let at = 0
  const tag = (text: Buffer, version: number): void => {
    footer.set(text, at)
    footer[at + 7] = version
    at += tagBytes
  }
  const u32 = (value: number): void => {
    at = footer.writeUInt32LE(value, at)
  }
  tag(objectTag, 1)
  footer.set(textToHash(index.hash), at)
  at += HASH_BYTES
  const hashesStart = at
  tag(hashesTag, 0)
  u32(count)
  footer.set(index.chunks.hashes, at)
  at += count * HASH_BYTES
  const boundariesStart = at
  tag(boundariesTag, 1)
  u32(count)
  for (const end of index.frameEnds) u32(end)
  let rawEnd = 0
  for (const length of index.chunks.lengths) {
    rawEnd += length
    u32(rawEnd)
  }
  const footerEnd = footer.length - lengthBytes
  u32(count)
  u32(footerEnd - hashesStart)
  u32(footerEnd - boundariesStart)
  at += reservedBytes
  u32(footerEnd)
  return footer
}

/**
 * The index of a stored xorb, from bytes that end where the object ends and hold its whole footer, i.e. at least
 * `xorbFooterLength(chunk count)` of them. The hash is computed anew from the chunk list; whether it is the hash that
 * the caller wants is for the caller to compare. Throws MalformedInput about `subject`.
 */
export function decodeXorbFooter(subject: string, tail: Uint8Array): XorbIndex {
  const fail = (message: string): never => {
    throw new MalformedInput(subject, message)
  }
  if (tail.length < lengthBytes) fail(`${tail.length} bytes cannot hold a footer`)
  const view = new DataView(tail.buffer, tail.byteOffset, tail.length)
  const start = tail.length - lengthBytes - view.getUint32(tail.length - lengthBytes, true)
  if (start < 0) fail(`the footer begins ${-start} bytes before the ${tail.length} bytes given`)
  const { hash, hashes, frameEnds, rawEnds } = parseXorbFooter(subject, tail.subarray(start))
  if (!rawEnds) return fail('the footer has version 0, which does not tell the lengths of chunks')
  const lengths = rawEnds.map((end, i) => end - (rawEnds[i - 1] ?? 0))
  for (const [i, length] of lengths.entries()) {
    const frameLength = frameEnds[i]! - (frameEnds[i - 1] ?? 0)
    if (length < 1 || length > MAX_CHUNK_BYTES) fail(`chunk ${i} is said to have ${length} bytes`)
    if (frameLength <= FRAME_HEADER_BYTES) fail(`frame ${i} is said to have ${frameLength} bytes`)
  }
  const chunks = { hashes, lengths }
  const root = hashToText(xorbHash(chunks))
  if (root !== hash) fail(`the footer's chunks hash to ${root}, it says ${hash}`)
  return { hash, chunks, frameEnds, framesLength: frameEnds.at(-1) ?? 0 }
}

/**
 * Reads `bytes`, which must be one footer, V0 or V1, and its length, and nothing else. Checks that it agrees with
 * itself. Throws MalformedInput about `subject`.
 */
export function parseXorbFooter(subject: string, bytes: Uint8Array): ParsedFooter {
  const fail = (message: string): never => {
    throw new MalformedInput(subject, `footer: ${message}`)
  }
  const footer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  let at = 0
  const take = (length: number, what: string): Buffer => {
    if (at + length > footer.length) fail(`is cut short inside ${what}: ${footer.length} bytes`)
    at += length
    return footer.subarray(at - length, at)
  }
  const u32 = (what: string): number => take(4, what).readUInt32LE()
  const u32s = (count: number, what: string): Uint32Array => {
    const source = take(count * 4, what)
    return Uint32Array.from({ length: count }, (_, i) => source.readUInt32LE(i * 4))
  }
  const tag = (expected: Buffer, what: string): number => {
    const found = take(tagBytes, what)
    if (!expected.equals(found.subarray(0, 7))) fail(`${what} does not begin with ${expected}`)
    return found[7]!
  }
  const expect = (what: string, found: number, expected: number): void => {
    if (found !== expected) fail(`${what} is ${found}, expected ${expected}`)
  }
  const chunkCount = (): number => {
    const count = u32('its number of chunks')
    if (count > MAX_XORB_CHUNKS) fail(`lists ${count} chunks, allowed are ${MAX_XORB_CHUNKS}`)
    return count
  }
  const close = (): void => {
    take(reservedBytes, 'its reserved bytes')
    const length = at
    expect('its length field', u32('its length field'), length)
    expect('its end', footer.length, at)
  }

  const version = tag(objectTag, 'it')
  if (version > 1) fail(`has version ${version}, expected 0 or 1`)
  const hash = hashToText(take(HASH_BYTES, 'the xorb hash'))
  if (version === 0) {
    const count = chunkCount()
    const frameEnds = u32s(count, 'the frame ends')
    const hashes = Uint8Array.from(take(count * HASH_BYTES, 'the chunk hashes'))
    close()
    return { hash, hashes, frameEnds, rawEnds: undefined }
  }
  const hashesStart = at
  expect('the version of the hash section', tag(hashesTag, 'the hash section'), 0)
  const count = chunkCount()
  const hashes = Uint8Array.from(take(count * HASH_BYTES, 'the chunk hashes'))
  const boundariesStart = at
  expect('the version of the boundary section', tag(boundariesTag, 'the boundary section'), 1)
  expect('the count of the boundary section', u32('the boundary section'), count)
  const frameEnds = u32s(count, 'the frame ends')
  const rawEnds = u32s(count, 'the chunk ends')
  expect('the last count', u32('the last count'), count)
  const hashesFromEnd = u32('the section offsets')
  const boundariesFromEnd = u32('the section offsets')
  close()
  const end = at - lengthBytes
  expect('the offset of the hash section', hashesFromEnd, end - hashesStart)
  expect('the offset of the boundary section', boundariesFromEnd, end - boundariesStart)
  return { hash, hashes, frameEnds, rawEnds }
}
