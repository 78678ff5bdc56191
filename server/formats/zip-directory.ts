import { LimitExceeded, MalformedInput } from '../kernel/errors.ts'
import type { ByteSource } from './byte-source.ts'

/**
 * What a ZIP archive holds, from the directory at its end, with 64-bit sizes. Source: PKWARE APPNOTE 6.3, sections 4.3.7
 * to 4.3.16. Contents are read where they lie: entries that are compressed are told of, not read.
 */
export interface ZipEntry {
  readonly name: string
  /** Bytes that it takes in the archive. */
  readonly size: number
  readonly isStored: boolean
  /** Where its local header begins. */
  readonly headerAt: number
}

const subject = 'ZIP archive'
const entryLimit = 100_000
const directoryLimit = 16 * 1024 * 1024
const endBytes = 22
const longestComment = 65_535

/** Whether the first bytes are those of an archive with something in it. */
export function isZip(head: Uint8Array): boolean {
  return head.length >= 4 && head[0] === 0x50 && head[1] === 0x4b && head[2] === 3 && head[3] === 4
}

/** Throws MalformedInput or LimitExceeded. */
export async function readZipDirectory(source: ByteSource): Promise<ZipEntry[]> {
  const { count, size, offset } = await findDirectory(source)
  if (count > entryLimit) throw new LimitExceeded(subject, entryLimit, 'entries', count)
  if (size > directoryLimit)
    throw new LimitExceeded(`directory of a ${subject}`, directoryLimit, 'bytes', size)
  const bytes = asBuffer(await readWithin(source, offset, offset + size))
  const entries: ZipEntry[] = []
  for (let at = 0; entries.length < count; ) {
    if (at + 46 > size || bytes.readUInt32LE(at) !== 0x02014b50)
      throw new MalformedInput(subject, `has no entry ${entries.length} of ${count} in its directory`)
    const nameEnd = at + 46 + bytes.readUInt16LE(at + 28)
    const extraEnd = nameEnd + bytes.readUInt16LE(at + 30)
    if (extraEnd > size) throw new MalformedInput(subject, 'has an entry that its directory cuts')
    const plain = {
      rawSize: bytes.readUInt32LE(at + 24),
      size: bytes.readUInt32LE(at + 20),
      headerAt: bytes.readUInt32LE(at + 42),
    }
    const large = withExtra(plain, bytes.subarray(nameEnd, extraEnd))
    const isEncrypted = (bytes.readUInt16LE(at + 8) & 1) === 1
    entries.push({
      name: bytes.toString('utf8', at + 46, nameEnd),
      size: large.size,
      headerAt: large.headerAt,
      isStored: bytes.readUInt16LE(at + 10) === 0 && !isEncrypted && large.size === large.rawSize,
    })
    at = extraEnd + bytes.readUInt16LE(at + 32)
  }
  return entries
}

async function findDirectory(source: ByteSource) {
  const tailAt = Math.max(0, source.size - endBytes - longestComment)
  const tail = asBuffer(await source.read(tailAt, source.size))
  const at = tail.lastIndexOf(Buffer.from([0x50, 0x4b, 5, 6]))
  if (at < 0 || at + endBytes > tail.length) throw new MalformedInput(subject, 'has no directory at its end')
  const small = {
    count: tail.readUInt16LE(at + 10),
    size: tail.readUInt32LE(at + 12),
    offset: tail.readUInt32LE(at + 16),
  }
  const locatorAt = at - 20
  if (locatorAt < 0 || tail.readUInt32LE(locatorAt) !== 0x07064b50) return small
  const largeAt = safe(tail.readBigUInt64LE(locatorAt + 8))
  const large = asBuffer(await readWithin(source, largeAt, largeAt + 56))
  if (large.readUInt32LE(0) !== 0x06064b50) throw new MalformedInput(subject, 'has no 64-bit directory end')
  return {
    count: safe(large.readBigUInt64LE(32)),
    size: safe(large.readBigUInt64LE(40)),
    offset: safe(large.readBigUInt64LE(48)),
  }
}

/** Of those that are 2^32 - 1, the extra field 1 has the value, in this order. */
function withExtra(plain: { rawSize: number; size: number; headerAt: number }, extra: Buffer) {
  for (let at = 0; at + 4 <= extra.length; ) {
    const end = at + 4 + extra.readUInt16LE(at + 2)
    if (extra.readUInt16LE(at) === 1) {
      let next = at + 4
      const value = (small: number) => {
        if (small !== 0xffffffff) return small
        if (next + 8 > Math.min(end, extra.length))
          throw new MalformedInput(subject, 'has an entry without its 64-bit sizes')
        next += 8
        return safe(extra.readBigUInt64LE(next - 8))
      }
      return { rawSize: value(plain.rawSize), size: value(plain.size), headerAt: value(plain.headerAt) }
    }
    at = end
  }
  return plain
}

/** The content of a stored entry; where it begins is found out when it is first read. */
export function zipEntrySource(source: ByteSource, entry: ZipEntry): ByteSource {
  let begin: number | undefined
  return {
    size: entry.size,
    async read(start, end) {
      if (start < 0 || start > end || end > entry.size)
        throw new RangeError(`[${start}, ${end}) of an entry of ${entry.size} bytes`)
      begin ??= await contentAt(source, entry)
      return readWithin(source, begin + start, begin + end)
    },
  }
}

async function contentAt(source: ByteSource, { name, headerAt }: ZipEntry): Promise<number> {
  const header = asBuffer(await readWithin(source, headerAt, headerAt + 30))
  if (header.readUInt32LE(0) !== 0x04034b50)
    throw new MalformedInput(
      subject,
      `has no header of ${JSON.stringify(name.slice(0, 200))} at byte ${headerAt}`,
    )
  return headerAt + 30 + header.readUInt16LE(26) + header.readUInt16LE(28)
}

function readWithin(source: ByteSource, start: number, end: number): Promise<Uint8Array> {
  if (end > source.size)
    throw new MalformedInput(subject, `has something at byte ${end}; there are ${source.size}`)
  return source.read(start, end)
}

function safe(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new MalformedInput(subject, `has a size of ${value}`)
  return Number(value)
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}
