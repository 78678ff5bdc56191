import { MalformedInput } from '../kernel/errors.ts'

/**
 * The wire format of protocol buffers (protobuf.dev `programming-guides/encoding`), read where it lies. Groups, which
 * nothing here uses, are refused.
 */
export interface Field {
  readonly number: number
  /** Of a number: its value, whole ones as they are written, without a sign. Of the rest 0. */
  readonly value: bigint
  /** The field's bytes: of text, bytes, messages and packed lists their content, of a number of fixed size that. */
  readonly begin: number
  readonly end: number
  readonly type: 'varint' | 'fixed' | 'bytes'
}

/** A field's head at `at`, as `readFields` gives it, and where the next one begins. Undefined when the bytes end inside it. */
export function readField(bytes: Uint8Array, at: number): Field | undefined {
  const key = readVarint(bytes, at)
  if (!key) return undefined
  const number = Number(key.value >> 3n)
  if (number === 0) throw new MalformedInput('protobuf', `has field 0 at byte ${at}`)
  const begin = key.end
  switch (Number(key.value & 7n)) {
    case 0: {
      const varint = readVarint(bytes, begin)
      return varint && { number, value: varint.value, begin, end: varint.end, type: 'varint' }
    }
    case 1:
      return { number, value: 0n, begin, end: begin + 8, type: 'fixed' }
    case 2: {
      const length = readVarint(bytes, begin)
      if (length && length.value > BigInt(Number.MAX_SAFE_INTEGER))
        throw new MalformedInput('protobuf', `has a length of ${length.value} at byte ${begin}`)
      return (
        length && {
          number,
          value: 0n,
          begin: length.end,
          end: length.end + Number(length.value),
          type: 'bytes',
        }
      )
    }
    case 5:
      return { number, value: 0n, begin, end: begin + 4, type: 'fixed' }
    default:
      throw new MalformedInput('protobuf', `has wire type ${key.value & 7n} at byte ${at}`)
  }
}

/** Longest that the head of a field is: a key and a length, or a number. */
export const fieldHeadBytes = 20

/** Every field of a message that is in memory. Throws MalformedInput. */
export function* readFields(message: Uint8Array): Generator<Field, void, undefined> {
  for (let at = 0; at < message.length; ) {
    const field = readField(message, at)
    if (!field || field.end > message.length)
      throw new MalformedInput('protobuf', `is cut in the field at byte ${at}`)
    yield field
    at = field.end
  }
}

/** Whole numbers of seven bits a byte, the lowest first. Undefined when the bytes end inside it. */
export function readVarint(bytes: Uint8Array, at: number): { value: bigint; end: number } | undefined {
  let value = 0n
  for (let n = 0; n < 10; n++) {
    const byte = bytes[at + n]
    if (byte === undefined) return undefined
    value |= BigInt(byte & 127) << BigInt(7 * n)
    if (byte < 128) return { value: BigInt.asUintN(64, value), end: at + n + 1 }
  }
  throw new MalformedInput('protobuf', `has a number of more than 10 bytes at byte ${at}`)
}
