import { type BlockType, type DecodeBlocks, plainTypes } from './block-type.ts'

/**
 * The types of a GGUF file's tensors. Source of layouts: ggml `src/ggml-common.h` (the block structs) and
 * `src/ggml-quants.c` (`dequantize_row_*`). Products and sums are rounded to 32 bits where those round them, so that values
 * are equal to the last bit.
 */

const { fround } = Math

/** Decodes block by block. */
function quantised(
  name: string,
  values: number,
  bytes: number,
  decodeOne?: (view: DataView, at: number, out: Float32Array, outAt: number) => void,
): BlockType {
  if (!decodeOne) return { name, values, bytes }
  const decode: DecodeBlocks = (view, at, blocks, out, outAt) => {
    for (let n = 0; n < blocks; n++) decodeOne(view, at + n * bytes, out, outAt + n * values)
  }
  return { name, values, bytes, decode }
}

const half = (view: DataView, at: number) => view.getFloat16(at, true)

/** 32 values of a low and a high half byte: the low ones first. `high` has one more bit for each. */
function small(
  name: string,
  bytes: number,
  at: { least: number; hasMinimum: boolean; hasHighBits: boolean },
) {
  const highAt = at.hasMinimum ? 4 : 2
  const lowAt = highAt + (at.hasHighBits ? 4 : 0)
  return quantised(name, 32, bytes, (view, block, out, outAt) => {
    const scale = half(view, block)
    // Adding -0 keeps a negative zero what it is.
    const minimum = at.hasMinimum ? half(view, block + 2) : -0
    const high = at.hasHighBits ? view.getUint32(block + highAt, true) : 0
    for (let n = 0; n < 16; n++) {
      const pair = view.getUint8(block + lowAt + n)
      const low = (pair & 15) | (((high >>> n) & 1) << 4)
      const upper = (pair >> 4) | (((high >>> (n + 16)) & 1) << 4)
      out[outAt + n] = fround(scale * (low - at.least)) + minimum
      out[outAt + n + 16] = fround(scale * (upper - at.least)) + minimum
    }
  })
}

const q8_0 = quantised('Q8_0', 32, 34, (view, block, out, outAt) => {
  const scale = half(view, block)
  for (let n = 0; n < 32; n++) out[outAt + n] = scale * view.getInt8(block + 2 + n)
})

/** Sixteen groups of 16 values of two bits; of each group a scale and a minimum of four bits. */
const q2_K = quantised('Q2_K', 256, 84, (view, block, out, outAt) => {
  const scale = half(view, block + 80)
  const minimum = half(view, block + 82)
  for (let group = 0; group < 16; group++) {
    const packed = view.getUint8(block + group)
    const groupScale = fround(scale * (packed & 15))
    const groupMinimum = fround(minimum * (packed >> 4))
    const { byte, shift } = twoBits(group)
    for (let n = 0; n < 16; n++) {
      const value = (view.getUint8(block + 16 + byte + n) >> shift) & 3
      out[outAt + group * 16 + n] = fround(groupScale * value) - groupMinimum
    }
  }
})

/** Where the 16 values of a group begin: four rounds of two bits through 32 bytes, twice. */
function twoBits(group: number): { byte: number; shift: number } {
  return { byte: (group >> 3) * 32 + (group & 1) * 16, shift: ((group >> 1) & 3) * 2 }
}

/** Like Q2_K with a third bit of each value in a mask, and scales of six bits. */
const q3_K = quantised('Q3_K', 256, 110, (view, block, out, outAt) => {
  const scale = half(view, block + 108)
  for (let group = 0; group < 16; group++) {
    const low = (view.getUint8(block + 96 + (group & 7)) >> (group < 8 ? 0 : 4)) & 15
    const high = (view.getUint8(block + 104 + (group & 3)) >> (2 * (group >> 2))) & 3
    const groupScale = fround(scale * ((low | (high << 4)) - 32))
    const { byte, shift } = twoBits(group)
    for (let n = 0; n < 16; n++) {
      const value = (view.getUint8(block + 32 + byte + n) >> shift) & 3
      const mask = (view.getUint8(block + (group & 1) * 16 + n) >> (group >> 1)) & 1
      out[outAt + group * 16 + n] = groupScale * (value - (mask ? 0 : 4))
    }
  }
})

/** Scale and minimum of one of eight groups, of six bits each, out of 12 bytes. */
function scaleAndMinimum(view: DataView, at: number, group: number): { scale: number; minimum: number } {
  const byte = (n: number) => view.getUint8(at + n)
  if (group < 4) return { scale: byte(group) & 63, minimum: byte(group + 4) & 63 }
  const packed = byte(group + 4)
  return {
    scale: (packed & 15) | ((byte(group - 4) >> 6) << 4),
    minimum: (packed >> 4) | ((byte(group) >> 6) << 4),
  }
}

/** Eight groups of 32 values of four bits, with `highBytes` of a fifth bit of each. */
function fourOrFiveBits(name: string, bytes: number, highBytes: 0 | 32): BlockType {
  return quantised(name, 256, bytes, (view, block, out, outAt) => {
    for (let group = 0; group < 8; group++) {
      const packed = scaleAndMinimum(view, block + 4, group)
      const scale = fround(half(view, block) * packed.scale)
      const minimum = fround(half(view, block + 2) * packed.minimum)
      for (let n = 0; n < 32; n++) {
        const pair = view.getUint8(block + 16 + highBytes + (group >> 1) * 32 + n)
        const low = group & 1 ? pair >> 4 : pair & 15
        const high = highBytes ? (view.getUint8(block + 16 + n) >> group) & 1 : 0
        out[outAt + group * 32 + n] = fround(scale * (low | (high << 4))) - minimum
      }
    }
  })
}

/** Sixteen groups of 16 values: four low bits, two high ones, and a scale of eight bits. */
const q6_K = quantised('Q6_K', 256, 210, (view, block, out, outAt) => {
  const scale = half(view, block + 208)
  for (let group = 0; group < 16; group++) {
    const groupScale = fround(scale * view.getInt8(block + 192 + group))
    const inHalf = group & 7
    const lowAt = block + (group >> 3) * 64 + (inHalf & 3) * 16
    const highAt = block + 128 + (group >> 3) * 32 + (inHalf & 1) * 16
    for (let n = 0; n < 16; n++) {
      const pair = view.getUint8(lowAt + n)
      const low = inHalf < 4 ? pair & 15 : pair >> 4
      const high = (view.getUint8(highAt + n) >> ((inHalf >> 1) * 2)) & 3
      out[outAt + group * 16 + n] = groupScale * ((low | (high << 4)) - 32)
    }
  }
})

/** `ggml-common.h:kvalues_iq4nl` */
const unevenGrid = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113]
/** Twice the values of a four-bit float (OCP microscaling formats). */
const doubledE2m1 = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12]

/** 32 values out of a grid, from 16 bytes. */
function fromGrid(
  grid: readonly number[],
  scale: number,
  view: DataView,
  at: number,
  out: Float32Array,
  outAt: number,
): void {
  for (let n = 0; n < 16; n++) {
    const pair = view.getUint8(at + n)
    out[outAt + n] = scale * grid[pair & 15]!
    out[outAt + n + 16] = scale * grid[pair >> 4]!
  }
}

const iq4_NL = quantised('IQ4_NL', 32, 18, (view, block, out, outAt) =>
  fromGrid(unevenGrid, half(view, block), view, block + 2, out, outAt),
)

const iq4_XS = quantised('IQ4_XS', 256, 136, (view, block, out, outAt) => {
  const scale = half(view, block)
  const highs = view.getUint16(block + 2, true)
  for (let group = 0; group < 8; group++) {
    const low = (view.getUint8(block + 4 + (group >> 1)) >> ((group & 1) * 4)) & 15
    const high = (highs >> (2 * group)) & 3
    const groupScale = fround(scale * ((low | (high << 4)) - 32))
    fromGrid(unevenGrid, groupScale, view, block + 8 + group * 16, out, outAt + group * 32)
  }
})

const mxfp4 = quantised('MXFP4', 32, 17, (view, block, out, outAt) =>
  fromGrid(doubledE2m1, 2 ** (view.getUint8(block) - 128), view, block + 1, out, outAt),
)

/** By number (`ggml.h:ggml_type`). Those that are not decoded are known by their size. */
export const ggmlTypes: ReadonlyMap<number, BlockType> = new Map<number, BlockType>([
  [0, plainTypes.F32],
  [1, plainTypes.F16],
  [2, small('Q4_0', 18, { least: 8, hasMinimum: false, hasHighBits: false })],
  [3, small('Q4_1', 20, { least: 0, hasMinimum: true, hasHighBits: false })],
  [6, small('Q5_0', 22, { least: 16, hasMinimum: false, hasHighBits: true })],
  [7, small('Q5_1', 24, { least: 0, hasMinimum: true, hasHighBits: true })],
  [8, q8_0],
  [10, q2_K],
  [11, q3_K],
  [12, fourOrFiveBits('Q4_K', 144, 0)],
  [13, fourOrFiveBits('Q5_K', 176, 32)],
  [14, q6_K],
  [15, quantised('Q8_K', 256, 292)],
  [16, quantised('IQ2_XXS', 256, 66)],
  [17, quantised('IQ2_XS', 256, 74)],
  [18, quantised('IQ3_XXS', 256, 98)],
  [19, quantised('IQ1_S', 256, 50)],
  [20, iq4_NL],
  [21, quantised('IQ3_S', 256, 110)],
  [22, quantised('IQ2_S', 256, 82)],
  [23, iq4_XS],
  [24, plainTypes.I8],
  [25, plainTypes.I16],
  [26, plainTypes.I32],
  [27, plainTypes.I64],
  [28, plainTypes.F64],
  [29, quantised('IQ1_M', 256, 56)],
  [30, plainTypes.BF16],
  [34, quantised('TQ1_0', 256, 54)],
  [35, quantised('TQ2_0', 256, 66)],
  [39, mxfp4],
  [40, quantised('NVFP4', 64, 36)],
  [41, quantised('Q1_0', 128, 18)],
])
