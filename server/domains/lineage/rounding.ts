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

/** Half of the distance between two neighbours at `value`, a 32-bit float: what rounding may change. */
export function halfStep(dtype: string, value: number): number {
  const smallest = dtype === 'F16' ? 2 ** -14 : 2 ** -126
  floats[0] = Math.max(Math.abs(value), smallest)
  return (powers[(words[0] as number) >>> 23] as number) * (halfUnit[dtype] ?? 2 ** -24)
}

/** Of two, by the exponent as it is stored: asked for millions of values, too many for logarithms. */
const powers = Float64Array.from({ length: 256 }, (_, exponent) => 2 ** (exponent - 127))

/** Half of the last bit of a significand from 1 to 2: 2 to the minus of its bits, with the one that is not stored. */
const halfUnit: Readonly<Record<string, number>> = {
  F64: 2 ** -24,
  F32: 2 ** -24,
  F16: 2 ** -11,
  BF16: 2 ** -8,
}
