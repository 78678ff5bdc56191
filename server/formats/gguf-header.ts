import { LimitExceeded, MalformedInput } from '../kernel/errors.ts'
import type { ByteSource } from './byte-source.ts'

/**
 * The header of a GGUF file: metadata and where each tensor lies. Source: ggml `docs/gguf.md`. Versions 2 and 3,
 * little-endian; version 1 was in use for some weeks of 2023, and big-endian files are for machines that hardly anyone has.
 */
export interface GgufHeader {
  readonly version: number
  readonly metadata: ReadonlyMap<string, GgufValue>
  readonly tensors: readonly GgufTensor[]
  /** Where the bytes of the tensors begin in the file. */
  readonly dataStart: number
}

/** Whole numbers beyond 2^53 are text. */
export type GgufValue = string | number | boolean | GgufList

/** A list, such as the words of a tokenizer, stays where it is. */
export interface GgufList {
  readonly length: number
  /** Of its values, by the format's numbers: 8 is text. */
  readonly type: number
  /** Bytes of its values in the file. */
  readonly begin: number
  readonly end: number
}

export interface GgufTensor {
  readonly name: string
  readonly shape: readonly number[]
  /** `ggml_type`: 0 is F32, 1 F16, 2 Q4_0 … */
  readonly type: number
  /** Counted from `dataStart`. */
  readonly offset: number
}

const subject = 'GGUF header'
/** `ggml.h:GGML_MAX_DIMS` */
const dimensionLimit = 4
const nestingLimit = 4
const defaultAlignment = 32
/** Far beyond what models have; each takes memory. */
const entryLimit = 100_000
const firstRead = 256 * 1024
/** The lists of a tokenizer may make a header long; the longest known are half of this. */
const headerLimit = 32 * 1024 * 1024

/** The header of a whole file. Throws MalformedInput or LimitExceeded. */
export async function readGgufHeader(source: ByteSource): Promise<GgufHeader> {
  for (let length = firstRead; ; length *= 4) {
    const header = parseGgufHeader(await source.read(0, Math.min(length, source.size)))
    if (header) return header
    if (source.size <= length)
      throw new MalformedInput(subject, `is cut: the file ends at byte ${source.size}`)
    if (length >= headerLimit) throw new LimitExceeded(subject, headerLimit, 'bytes')
  }
}

/** The texts of a list, in order. Throws MalformedInput when it is one of something else. */
export async function readGgufTexts(source: ByteSource, list: GgufList): Promise<string[]> {
  if (list.type !== textType)
    throw new MalformedInput(subject, `has a list of type ${list.type}; texts are 8`)
  const reader = new Reader(await source.read(list.begin, list.end))
  return Array.from({ length: list.length }, () => reader.text())
}

/** Undefined when `head`, which begins the file, ends before the header does. */
export function parseGgufHeader(head: Uint8Array): GgufHeader | undefined {
  try {
    return readHeader(new Reader(head))
  } catch (error) {
    if (error instanceof EndOfBytes) return undefined
    throw error
  }
}

function readHeader(reader: Reader): GgufHeader {
  if (reader.u32() !== 0x46554747) throw new MalformedInput(subject, 'does not begin with "GGUF"')
  const version = reader.u32()
  if (version !== 2 && version !== 3)
    throw new MalformedInput(subject, `has version ${version}; 2 and 3 (little-endian) are read`)
  const tensorCount = reader.size()
  const metadataCount = reader.size()
  const metadata = new Map<string, GgufValue>()
  for (let n = 0; n < metadataCount; n++) {
    if (n === entryLimit) throw new LimitExceeded('metadata of a GGUF file', entryLimit, 'entries')
    const key = reader.text()
    metadata.set(key, readValue(reader, reader.u32(), 0))
  }
  const tensors: GgufTensor[] = []
  for (let n = 0; n < tensorCount; n++) {
    if (n === entryLimit) throw new LimitExceeded('tensors of a GGUF file', entryLimit, 'tensors')
    tensors.push(readTensor(reader))
  }
  const alignment = metadata.get('general.alignment') ?? defaultAlignment
  if (typeof alignment !== 'number' || !Number.isSafeInteger(alignment) || alignment < 1)
    throw new MalformedInput(subject, '"general.alignment" must be a whole number of at least 1')
  return { version, metadata, tensors, dataStart: Math.ceil(reader.at / alignment) * alignment }
}

function readTensor(reader: Reader): GgufTensor {
  const name = reader.text()
  const dimensions = reader.u32()
  if (dimensions > dimensionLimit)
    throw new MalformedInput(subject, `has a tensor of ${dimensions} dimensions; at most ${dimensionLimit}`)
  const shape = Array.from({ length: dimensions }, () => reader.size())
  if (!Number.isSafeInteger(shape.reduce((product, size) => product * size, 1)))
    throw new MalformedInput(subject, 'has a tensor of more than 2^53 values')
  return { name, shape, type: reader.u32(), offset: reader.size() }
}

const textType = 8
const listType = 9
/** Bytes of a value, by type; of text and lists, the fewest. */
const valueBytes = [1, 1, 2, 2, 4, 4, 4, 1, 8, 12, 8, 8, 8]

function readValue(reader: Reader, type: number, depth: number): GgufValue {
  switch (type) {
    case 0:
      return reader.u8()
    case 1:
      return (reader.u8() << 24) >> 24
    case 2:
      return reader.u16()
    case 3:
      return (reader.u16() << 16) >> 16
    case 4:
      return reader.u32()
    case 5:
      return reader.u32() | 0
    case 6:
      return reader.f32()
    case 7:
      return reader.u8() !== 0
    case textType:
      return reader.text()
    case listType:
      return readList(reader, depth)
    case 10:
      return plain(reader.u64())
    case 11:
      return plain(BigInt.asIntN(64, reader.u64()))
    case 12:
      return reader.f64()
    default:
      throw new MalformedInput(subject, `has a value of type ${type}; types are 0 to 12`)
  }
}

function readList(reader: Reader, depth: number): GgufList {
  if (depth === nestingLimit) throw new MalformedInput(subject, 'has lists in lists in lists')
  const type = reader.u32()
  const length = reader.size()
  const bytes = valueBytes[type]
  const begin = reader.at
  if (bytes === undefined) throw new MalformedInput(subject, `has a list of type ${type}; types are 0 to 12`)
  if (type === textType) for (let n = 0; n < length; n++) reader.skip(reader.size())
  else if (type === listType) for (let n = 0; n < length; n++) readList(reader, depth + 1)
  else reader.skip(length * bytes)
  return { length, type, begin, end: reader.at }
}

function plain(value: bigint): number | string {
  return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString()
}

/** The header does not end where the bytes do that were read so far. */
class EndOfBytes extends Error {}

class Reader {
  at = 0
  readonly #bytes: Buffer

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  /** Moves on, and gives where it was. */
  skip(length: number): number {
    const before = this.at
    if (length > this.#bytes.length - before) throw new EndOfBytes()
    this.at += length
    return before
  }

  u8(): number {
    return this.#bytes.readUInt8(this.skip(1))
  }

  u16(): number {
    return this.#bytes.readUInt16LE(this.skip(2))
  }

  u32(): number {
    return this.#bytes.readUInt32LE(this.skip(4))
  }

  u64(): bigint {
    return this.#bytes.readBigUInt64LE(this.skip(8))
  }

  f32(): number {
    return this.#bytes.readFloatLE(this.skip(4))
  }

  f64(): number {
    return this.#bytes.readDoubleLE(this.skip(8))
  }

  /** A length or count: nothing real is beyond 2^53. */
  size(): number {
    const size = this.u64()
    if (size > BigInt(Number.MAX_SAFE_INTEGER))
      throw new MalformedInput(subject, `has a length of ${size} at byte ${this.at - 8}`)
    return Number(size)
  }

  text(): string {
    const length = this.size()
    return this.#bytes.toString('utf8', this.skip(length), this.at)
  }
}
