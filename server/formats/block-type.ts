/**
 * How values lie in bytes: so many of them at a time, in so many bytes. Plain types have blocks of one value; those of
 * quantised ones share a scale.
 */
export interface BlockType {
  readonly name: string
  /** Values of a block. */
  readonly values: number
  /** Bytes of a block. */
  readonly bytes: number
  /** Decodes `blocks` of them that begin at `at`. Absent: what the bytes mean is not known here. */
  readonly decode?: DecodeBlocks
}

export type DecodeBlocks = (
  bytes: DataView,
  at: number,
  blocks: number,
  out: Float32Array,
  outAt: number,
) => void

/** Bits that a value takes, scales included. */
export function bitsOf(type: BlockType): number {
  return (type.bytes * 8) / type.values
}

/** A block of one value, which `read` reads. */
function plain(name: string, bytes: number, read: (view: DataView, at: number) => number): BlockType {
  return {
    name,
    values: 1,
    bytes,
    decode(view, at, blocks, out, outAt) {
      for (let n = 0; n < blocks; n++) out[outAt + n] = read(view, at + n * bytes)
    },
  }
}

function byTable(name: string, table: Float32Array): BlockType {
  return plain(name, 1, (view, at) => table[view.getUint8(at)]!)
}

interface SmallFloat {
  readonly mantissaBits: number
  readonly bias: number
  /** Which bit patterns, without the sign, are no numbers; `infinity` is one of them that is endless. */
  readonly nan: (pattern: number) => boolean
  readonly infinity?: number
  /** "fnuz": no negative zero; its pattern is the one NaN. */
  readonly negativeZeroIsNan?: true
}

/** Every value of a small float with a sign in its highest bit. */
function smallFloats(bits: number, { mantissaBits, bias, ...rest }: SmallFloat): Float32Array {
  const half = 1 << (bits - 1)
  return Float32Array.from({ length: 2 * half }, (_, code) => {
    const pattern = code & (half - 1)
    const sign = code & half ? -1 : 1
    if (rest.negativeZeroIsNan && code === half) return Number.NaN
    if (pattern === rest.infinity) return sign * Number.POSITIVE_INFINITY
    if (rest.nan(pattern)) return Number.NaN
    const exponent = pattern >> mantissaBits
    const fraction = (pattern & ((1 << mantissaBits) - 1)) / (1 << mantissaBits)
    const magnitude = exponent === 0 ? fraction * 2 ** (1 - bias) : (1 + fraction) * 2 ** (exponent - bias)
    return sign * magnitude
  })
}

const never = () => false
const e4m3 = { mantissaBits: 3, bias: 7, nan: (pattern: number) => pattern === 0x7f }
const e5m2 = { mantissaBits: 2, bias: 15, nan: (p: number) => p > 0x7c, infinity: 0x7c }
const fnuz = { nan: never, negativeZeroIsNan: true } as const
const e2m1 = smallFloats(4, { mantissaBits: 1, bias: 1, nan: never })
const e8m0 = Float32Array.from({ length: 256 }, (_, code) => (code === 255 ? Number.NaN : 2 ** (code - 127)))

const fourBits: BlockType = {
  name: 'F4',
  values: 2,
  bytes: 1,
  decode(view, at, blocks, out, outAt) {
    for (let n = 0; n < blocks; n++) {
      const pair = view.getUint8(at + n)
      out[outAt + 2 * n] = e2m1[pair & 15]!
      out[outAt + 2 * n + 1] = e2m1[pair >> 4]!
    }
  },
}

/** The upper half of an F32: most models are stored so, which makes this the loop that matters. */
const bf16: BlockType = {
  name: 'BF16',
  values: 1,
  bytes: 2,
  decode(view, at, blocks, out, outAt) {
    const patterns = new Uint32Array(out.buffer, out.byteOffset, out.length)
    for (let n = 0; n < blocks; n++) patterns[outAt + n] = view.getUint16(at + 2 * n, true) << 16
  },
}

/**
 * By the names that safetensors gives them, little-endian. Small floats are those of the OCP specifications (8-bit
 * floating point, microscaling formats) and of ml_dtypes; of the six-bit ones it is not settled how they lie in bytes.
 */
export const plainTypes = {
  F4: fourBits,
  F6_E2M3: { name: 'F6_E2M3', values: 4, bytes: 3 },
  F6_E3M2: { name: 'F6_E3M2', values: 4, bytes: 3 },
  BOOL: plain('BOOL', 1, (view, at) => (view.getUint8(at) ? 1 : 0)),
  U8: plain('U8', 1, (view, at) => view.getUint8(at)),
  I8: plain('I8', 1, (view, at) => view.getInt8(at)),
  F8_E4M3: byTable('F8_E4M3', smallFloats(8, e4m3)),
  F8_E5M2: byTable('F8_E5M2', smallFloats(8, e5m2)),
  F8_E8M0: byTable('F8_E8M0', e8m0),
  F8_E4M3FNUZ: byTable('F8_E4M3FNUZ', smallFloats(8, { ...e4m3, ...fnuz, bias: 8 })),
  F8_E5M2FNUZ: byTable('F8_E5M2FNUZ', smallFloats(8, { mantissaBits: 2, bias: 16, ...fnuz })),
  U16: plain('U16', 2, (view, at) => view.getUint16(at, true)),
  I16: plain('I16', 2, (view, at) => view.getInt16(at, true)),
  F16: plain('F16', 2, (view, at) => view.getFloat16(at, true)),
  BF16: bf16,
  U32: plain('U32', 4, (view, at) => view.getUint32(at, true)),
  I32: plain('I32', 4, (view, at) => view.getInt32(at, true)),
  F32: plain('F32', 4, (view, at) => view.getFloat32(at, true)),
  U64: plain('U64', 8, (view, at) => Number(view.getBigUint64(at, true))),
  I64: plain('I64', 8, (view, at) => Number(view.getBigInt64(at, true))),
  F64: plain('F64', 8, (view, at) => view.getFloat64(at, true)),
  C64: { name: 'C64', values: 1, bytes: 8 },
} as const satisfies Record<string, BlockType>
