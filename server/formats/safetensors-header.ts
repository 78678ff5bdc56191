import { LimitExceeded, MalformedInput } from '../kernel/errors.ts'
import { bitsOf, plainTypes } from './block-type.ts'
import type { ByteSource } from './byte-source.ts'

/**
 * The header of a safetensors file: 8 bytes with its length (little-endian), then that much JSON, then the bytes of the
 * tensors without gaps. Source: the format's own page and reference reader, safetensors `src/tensor.rs:Metadata::validate`.
 */
export interface SafetensorsHeader {
  /** `__metadata__`: free text by key. */
  readonly metadata: Readonly<Record<string, string>>
  /** In the order of their bytes. */
  readonly tensors: readonly Tensor[]
  /** Where the bytes of the tensors begin in the file. */
  readonly dataStart: number
}

interface Tensor {
  readonly name: string
  readonly dtype: Dtype
  readonly shape: readonly number[]
  /** Bytes `begin` to `end`, counted from `dataStart`. */
  readonly begin: number
  readonly end: number
}

export type Dtype = keyof typeof plainTypes

/** Bytes before the JSON. */
const safetensorsPrefix = 8

/** What huggingface_hub and @huggingface/hub read (`constants.py:SAFETENSORS_MAX_HEADER_LENGTH`). */
const lengthLimit = 25_000_000

const subject = 'safetensors header'

/** Most headers are shorter, so one read does. */
const firstRead = 256 * 1024

/** The header of a whole file. Throws MalformedInput or LimitExceeded. */
export async function readSafetensorsHeader(source: ByteSource): Promise<SafetensorsHeader> {
  let head = await source.read(0, Math.min(firstRead, source.size))
  const length = readSafetensorsLength(head)
  if (length > head.length) head = await source.read(0, Math.min(length, source.size))
  return parseSafetensorsHeader(head, source.size)
}

/** How many bytes of a file its header takes, prefix included, from the first 8 of them. */
export function readSafetensorsLength(head: Uint8Array): number {
  if (head.length < safetensorsPrefix)
    throw new MalformedInput(subject, `has ${head.length} bytes; the first 8 give its length`)
  const length = Buffer.from(head.buffer, head.byteOffset, safetensorsPrefix).readBigUInt64LE()
  if (length < 2n) throw new MalformedInput(subject, `has a length of ${length}; at least "{}" must fit`)
  if (length > BigInt(lengthLimit)) throw new LimitExceeded(subject, lengthLimit, 'bytes')
  return safetensorsPrefix + Number(length)
}

/** `head` begins the file and holds at least its header; `fileSize` is the whole file's, in bytes. */
export function parseSafetensorsHeader(head: Uint8Array, fileSize: number): SafetensorsHeader {
  const dataStart = readSafetensorsLength(head)
  if (dataStart > head.length || dataStart > fileSize)
    throw new MalformedInput(
      subject,
      `ends at byte ${dataStart}; there are only ${Math.min(head.length, fileSize)}`,
    )
  const { __metadata__: metadata, ...entries } = readJson(head.subarray(safetensorsPrefix, dataStart))
  const tensors = Object.entries(entries).map(([name, value]) => readTensor(name, value))
  tensors.sort((a, b) => a.begin - b.begin || a.end - b.end)
  let end = 0
  for (const tensor of tensors) {
    if (tensor.begin !== end)
      throw wrong(tensor.name, `begins at byte ${tensor.begin}; the one before ends at ${end}`)
    end = tensor.end
  }
  if (dataStart + end !== fileSize)
    throw new MalformedInput(subject, `describes ${dataStart + end} bytes; the file has ${fileSize}`)
  return { metadata: readMetadata(metadata), tensors, dataStart }
}

export function countValues(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1)
}

/** Each of its records, lists and numbers costs memory; in a header they are as far apart as this. */
const bytesPerBracket = 12

function readJson(bytes: Uint8Array): Record<string, unknown> {
  if (countBrackets(bytes) * bytesPerBracket > bytes.length + 1000)
    throw new MalformedInput(subject, 'holds more lists and records than tensors need')
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw new MalformedInput(subject, 'is not JSON in UTF-8')
  }
  if (!isRecord(value)) throw new MalformedInput(subject, 'is no record of tensors')
  return value
}

/** Those that open outside of text. */
function countBrackets(bytes: Uint8Array): number {
  let count = 0
  let inText = false
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]
    if (byte === 0x22) inText = !inText
    else if (inText) at += byte === 0x5c ? 1 : 0
    else if (byte === 0x5b || byte === 0x7b) count++
  }
  return count
}

function readTensor(name: string, value: unknown): Tensor {
  const { dtype, shape, data_offsets: offsets } = isRecord(value) ? value : {}
  if (!isDtype(dtype))
    throw wrong(name, `has a dtype that is not one of ${Object.keys(plainTypes).join(', ')}`)
  if (!isSizes(shape)) throw wrong(name, 'has no shape: a list of whole numbers')
  const [begin, end] = isSizes(offsets) ? offsets : []
  if (begin === undefined || end === undefined || end < begin)
    throw wrong(name, 'has no data_offsets: where its bytes begin and end')
  const bits = countValues(shape) * bitsOf(plainTypes[dtype])
  if (!(bits <= Number.MAX_SAFE_INTEGER)) throw wrong(name, 'has a shape that is too large')
  if (bits !== (end - begin) * 8)
    throw wrong(name, `has ${end - begin} bytes; its shape and dtype make ${bits / 8}`)
  return { name, dtype, shape, begin, end }
}

function readMetadata(value: unknown): Record<string, string> {
  if (value === undefined) return {}
  if (isRecord(value) && Object.values(value).every(text => typeof text === 'string'))
    return value as Record<string, string>
  throw new MalformedInput(subject, '"__metadata__" must be a record of texts')
}

function isDtype(value: unknown): value is Dtype {
  return typeof value === 'string' && Object.hasOwn(plainTypes, value)
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(size => Number.isSafeInteger(size) && size >= 0)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function wrong(tensor: string, message: string): MalformedInput {
  return new MalformedInput(subject, `tensor ${JSON.stringify(tensor.slice(0, 200))} ${message}`)
}
