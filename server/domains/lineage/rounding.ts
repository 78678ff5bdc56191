/** Rounding of 32-bit floats to the types that weights are stored in, ties to even. */
export function roundTo(dtype: string, value: number): number {
  switch (dtype) {
    case 'BF16':
      return toBf16(value)
    case 'F16':
      return toF16(value)
    default:
      return Math.fround(value)
  }
}

const floats = new Float32Array(1)
const words = new Uint32Array(floats.buffer)

function toBf16(value: number): number {
  floats[0] = value
  const word = words[0] as number
  words[0] = (word + 0x7fff + ((word >>> 16) & 1)) & 0xffff0000
  return floats[0] as number
}

function toF16(value: number): number {
  return Math.f16round(value)
}

/** Half of the distance between two neighbours at `value`: what rounding may change. */
export function halfStep(dtype: string, value: number): number {
  const size = Math.abs(value)
  const bits = significant[dtype] ?? 24
  const smallest = dtype === 'F16' ? 2 ** -14 : 2 ** -126
  return 2 ** (Math.floor(Math.log2(Math.max(size, smallest))) - bits)
}

/** Bits of the significand, with the one that is not stored. */
const significant: Readonly<Record<string, number>> = { F64: 24, F32: 24, F16: 11, BF16: 8 }
