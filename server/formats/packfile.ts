import { createHash } from 'node:crypto'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { createInflate, deflate, deflateSync, inflate, inflateSync } from 'node:zlib'
import { LimitExceeded, MalformedInput } from '../kernel/errors.ts'
import { type ObjectType, oidBytes } from './git-object.ts'

/** `PACK`, version, count; the first entry starts here. Source of this file: gitformat-pack(5). */
export const packHeaderLength = 12
/** SHA-1 of all bytes before it. */
export const packTrailerLength = 20
/** The longest header of one entry: 8 bytes of size, 20 of a base id. */
export const maxEntryHeaderLength = 28

/**
 * What stands before the deflated bytes of an entry. `size` is the inflated length of what follows: the object, or for
 * the delta kinds the delta. `distance` goes back from the start of this entry to the start of its base in this pack.
 */
export type PackEntryHeader =
  | { readonly type: ObjectType; readonly size: number }
  | { readonly type: 'ofs-delta'; readonly size: number; readonly distance: number }
  | { readonly type: 'ref-delta'; readonly size: number; readonly base: string }

const typeCodes = { commit: 1, tree: 2, blob: 3, tag: 4, 'ofs-delta': 6, 'ref-delta': 7 } as const
const typeNames = [undefined, 'commit', 'tree', 'blob', 'tag', undefined, 'ofs-delta', 'ref-delta'] as const

/** Up to here (inflated bytes) a trip to the thread pool costs more than the work. */
const syncLimit = 64 * 1024
/** Deflate cannot make more than this many bytes out of one (zlib.net, "Maximum Compression Factor"). */
const maxInflation = 1032
const maxCount = 0xffff_ffff

const deflateAsync = promisify(deflate)
const inflateAsync = promisify(inflate) as unknown as (
  bytes: Uint8Array,
  options: { info: true; maxOutputLength: number; chunkSize: number },
) => Promise<Inflated>

/** What node:zlib gives with `info: true`: `bytesWritten` counts the input that went into the stream. */
interface Inflated {
  readonly buffer: Buffer
  readonly engine: { readonly bytesWritten: number }
}

/** The 12 bytes before `count` entries, version 2. */
export function encodePackHeader(count: number): Uint8Array {
  if (count > maxCount) throw new LimitExceeded('pack', maxCount, 'objects', count)
  const header = Buffer.alloc(packHeaderLength)
  header.write('PACK', 'latin1')
  header.writeUInt32BE(2, 4)
  header.writeUInt32BE(count, 8)
  return header
}

/** Number of entries that the pack claims. Takes versions 2 and 3, which git reads alike. Throws MalformedInput. */
export function parsePackHeader(bytes: Uint8Array): number {
  if (bytes.length < packHeaderLength) {
    throw new MalformedInput('pack', `${bytes.length} bytes are too few for a header of ${packHeaderLength}`)
  }
  const header = view(bytes)
  if (header.toString('latin1', 0, 4) !== 'PACK')
    throw new MalformedInput('pack', 'does not start with "PACK"')
  const version = header.readUInt32BE(4)
  if (version !== 2 && version !== 3) throw new MalformedInput('pack', `version ${version} is not 2 or 3`)
  return header.readUInt32BE(8)
}

export function encodePackEntryHeader(header: PackEntryHeader): Uint8Array {
  const bytes: number[] = []
  let rest = Math.floor(header.size / 16)
  bytes.push((typeCodes[header.type] << 4) | (header.size % 16) | (rest > 0 ? 0x80 : 0))
  while (rest > 0) {
    const low = rest % 128
    rest = Math.floor(rest / 128)
    bytes.push(low | (rest > 0 ? 0x80 : 0))
  }
  if (header.type === 'ofs-delta') bytes.push(...distanceBytes(header.distance))
  if (header.type === 'ref-delta') bytes.push(...oidBytes(header.base))
  return Buffer.from(bytes)
}

/** Big-endian groups of 7 bits where each further byte also adds one, so that no distance has two forms. */
function distanceBytes(distance: number): number[] {
  const bytes = [distance % 128]
  let rest = Math.floor(distance / 128)
  while (rest > 0) {
    rest -= 1
    bytes.unshift(0x80 | (rest % 128))
    rest = Math.floor(rest / 128)
  }
  return bytes
}

/**
 * The header of the entry at `at`, and the `length` of that header: the deflated bytes start at `at + length`. Whether
 * the base of a delta exists is for the reader to find out. Throws MalformedInput, also when `bytes` end inside it.
 */
export function parsePackEntryHeader(bytes: Uint8Array, at = 0): { header: PackEntryHeader; length: number } {
  const first = byteAt(bytes, at)
  const type = typeNames[(first >> 4) & 7]
  if (!type) throw new MalformedInput('pack entry', `type ${(first >> 4) & 7} is not one that git knows`)
  let size = first & 15
  let next = at + 1
  let factor = 16
  for (let byte = first; byte & 0x80; factor *= 128) {
    byte = byteAt(bytes, next++)
    size += (byte & 0x7f) * factor
    if (!Number.isSafeInteger(size) || next - at > 8)
      throw new MalformedInput('pack entry', 'size is over 2^53')
  }
  if (type === 'ofs-delta') {
    const { distance, end } = parseDistance(bytes, next)
    return { header: { type, size, distance }, length: end - at }
  }
  if (type === 'ref-delta') {
    if (next + 20 > bytes.length) throw new MalformedInput('pack entry', 'base id of a delta is cut short')
    return {
      header: { type, size, base: view(bytes).toString('hex', next, next + 20) },
      length: next + 20 - at,
    }
  }
  return { header: { type, size }, length: next - at }
}

function parseDistance(bytes: Uint8Array, start: number): { distance: number; end: number } {
  let next = start
  let byte = byteAt(bytes, next++)
  let distance = byte & 0x7f
  while (byte & 0x80) {
    byte = byteAt(bytes, next++)
    distance = (distance + 1) * 128 + (byte & 0x7f)
    if (!Number.isSafeInteger(distance)) throw new MalformedInput('pack entry', 'delta distance is over 2^53')
  }
  if (distance === 0) throw new MalformedInput('pack entry', 'a delta names itself as its base')
  return { distance, end: next }
}

function byteAt(bytes: Uint8Array, at: number): number {
  const byte = bytes[at]
  if (byte === undefined) throw new MalformedInput('pack entry', 'header is cut short')
  return byte
}

/**
 * A whole entry: header and deflated content. Same content, same bytes. Small content is deflated at once, large
 * content in the thread pool, so it must not change before the promise settles.
 */
export async function encodePackEntry(type: ObjectType, content: Uint8Array): Promise<Uint8Array> {
  const deflated = content.length <= syncLimit ? deflateSync(content) : await deflateAsync(content)
  return Buffer.concat([encodePackEntryHeader({ type, size: content.length }), deflated])
}

/**
 * Inflates the zlib stream at the start of `bytes`, which may go on behind it: `consumed` says how far the stream
 * reached. `expectedSize` is the size in the entry's header. The content has its own memory, so that a cache may keep
 * it without keeping `bytes`. Throws LimitExceeded when the expected size is over `limit`, before any work, and
 * MalformedInput when the stream is broken or is not exactly of that size. Never allocates far over what the input
 * can give.
 */
export async function inflateEntry(
  bytes: Uint8Array,
  expectedSize: number,
  limit: number,
): Promise<{ content: Uint8Array; consumed: number }> {
  if (expectedSize > limit) throw new LimitExceeded('git object', limit, 'bytes', expectedSize)
  if (expectedSize > bytes.length * maxInflation) {
    throw new MalformedInput('pack entry', `${bytes.length} bytes cannot inflate to ${expectedSize}`)
  }
  // One byte of room more than needed: a full buffer would make zlib ask for another of the same size.
  const options = {
    info: true as const,
    maxOutputLength: Math.max(expectedSize, 1),
    chunkSize: Math.max(64, expectedSize + 1),
  }
  const isSmall = expectedSize <= syncLimit
  let inflated: Inflated
  try {
    inflated = isSmall
      ? (inflateSync(bytes, options) as unknown as Inflated)
      : await inflateAsync(bytes, options)
  } catch (error) {
    throw inflateFault(error, expectedSize)
  }
  const { buffer, engine } = inflated
  if (buffer.length !== expectedSize) {
    throw new MalformedInput(
      'pack entry',
      `inflates to ${buffer.length} bytes, its header says ${expectedSize}`,
    )
  }
  return { content: isSmall ? new Uint8Array(buffer) : buffer, consumed: engine.bytesWritten }
}

/**
 * What the object of an entry hashes to, by piece, so that none of it is held: its id when it is whole and as large as
 * the header says. Throws MalformedInput.
 */
export async function inflatedId(
  deflated: AsyncIterable<Uint8Array>,
  { type, size }: { readonly type: ObjectType; readonly size: number },
): Promise<string> {
  const hash = createHash('sha1').update(`${type} ${size}\0`)
  let found = 0
  try {
    await pipeline(deflated, createInflate(), async pieces => {
      for await (const piece of pieces as AsyncIterable<Uint8Array>) {
        found += piece.length
        if (found > size) throw wrongSize('more', size)
        hash.update(piece)
      }
    })
  } catch (error) {
    throw inflateFault(error, size)
  }
  if (found === size) return hash.digest('hex')
  throw wrongSize(`${found} bytes`, size)
}

function wrongSize(found: string, size: number): MalformedInput {
  return new MalformedInput('pack entry', `inflates to ${found}, its header says ${size}`)
}

function inflateFault(error: unknown, expectedSize: number): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'ERR_BUFFER_TOO_LARGE') {
    return new MalformedInput('pack entry', `inflates to more than the ${expectedSize} bytes of its header`)
  }
  // The inflating stream has ended before the bytes that it was given.
  if (code === 'ERR_STREAM_PREMATURE_CLOSE')
    return new MalformedInput('pack entry', 'goes on behind its zlib stream')
  if (code === 'Z_DATA_ERROR' || code === 'Z_BUF_ERROR' || code === 'Z_NEED_DICT') {
    return new MalformedInput('pack entry', `is not a whole zlib stream (${(error as Error).message})`)
  }
  return error
}

/**
 * The object that `delta` makes out of `base`. Throws MalformedInput when the delta is not for a base of this length,
 * copies from outside of it, or gives another size than it says; LimitExceeded when that size is over `limit`, before
 * it is allocated.
 */
export function applyDelta(base: Uint8Array, delta: Uint8Array, limit: number): Uint8Array {
  const source = new DeltaReader(delta)
  const baseSize = source.size()
  if (baseSize !== base.length) {
    throw new MalformedInput('delta', `is for a base of ${baseSize} bytes, this one has ${base.length}`)
  }
  const size = source.size()
  if (size > limit) throw new LimitExceeded('git object', limit, 'bytes', size)
  const from = view(base)
  // Not from the shared pool: a cache that keeps a small result would keep the pool with it.
  const result = Buffer.allocUnsafeSlow(size)
  let filled = 0
  while (!source.isAtEnd) {
    const op = source.byte()
    if (op === 0) throw new MalformedInput('delta', 'instruction 0 is reserved')
    const start = op & 0x80 ? source.number(op & 0x0f) : 0
    const length = op & 0x80 ? source.number((op >> 4) & 7) || 0x10000 : op
    if (length > size - filled) throw new MalformedInput('delta', `gives more than the ${size} bytes it says`)
    if (op & 0x80) {
      if (start + length > base.length) {
        throw new MalformedInput(
          'delta',
          `copies bytes ${start} to ${start + length} of a base of ${base.length}`,
        )
      }
      from.copy(result, filled, start, start + length)
    } else {
      result.set(source.take(length), filled)
    }
    filled += length
  }
  if (filled !== size) throw new MalformedInput('delta', `gives ${filled} bytes where it says ${size}`)
  return result
}

class DeltaReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length
  }

  byte(): number {
    const byte = this.#bytes[this.#at++]
    if (byte === undefined) throw new MalformedInput('delta', 'is cut short')
    return byte
  }

  take(length: number): Uint8Array {
    if (this.#at + length > this.#bytes.length) throw new MalformedInput('delta', 'is cut short')
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  /** Groups of 7 bits, the lowest first. */
  size(): number {
    let size = 0
    let factor = 1
    for (;;) {
      const byte = this.byte()
      size += (byte & 0x7f) * factor
      if (!Number.isSafeInteger(size) || factor > 2 ** 49)
        throw new MalformedInput('delta', 'size is over 2^53')
      if (!(byte & 0x80)) return size
      factor *= 128
    }
  }

  /** Little-endian, with only the bytes whose bit is set in `present`. */
  number(present: number): number {
    let value = 0
    for (let bit = 0; present >> bit; bit++) if ((present >> bit) & 1) value += this.byte() * 256 ** bit
    return value
  }
}

function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
