import type { Gram, Sketch, TensorSketch } from '../../server/domains/sketches/index.ts'

/**
 * Sketches of models that nobody trained: every value follows from the seed, so that any of a million can be made again
 * when it is looked at. Ten models are a family: they share a part of each value. Half of all families share a tokenizer.
 */
export interface Synthetic {
  readonly seed: number
  /** Of the family, and how alike its values are to the family's, as a correlation. */
  readonly family: number
  readonly likeness: number
}

export const familySize = 10
const layers = 8
const hidden = 4096
const roles: readonly [string, number, number][] = [
  ...(['q', 'k', 'v', 'o'] as const).map((role): [string, number, number] => [role, hidden, hidden]),
  ['gate', 11_008, hidden],
  ['up', 11_008, hidden],
  ['down', hidden, 11_008],
]
const tokens = 64
/** Of which a code is made: no more are needed where nothing else is. */
const codeTokens = 32

export function syntheticModel(number: number): Synthetic {
  // What further training leaves in common, mostly; some have gone far.
  const likeness = 0.35 + 0.64 * Math.sqrt(uniform(hash(number, 7, 7)))
  return { seed: number + 1, family: Math.floor(number / familySize) + 1, likeness }
}

export function syntheticSketch({ seed, family, likeness }: Synthetic, isWhole: boolean): Sketch {
  const side = isWhole ? 32 : 8
  const own = Math.sqrt(1 - likeness * likeness)
  const draw = (place: number, at: number) =>
    likeness * (uniform(hash(-family, place, at)) - 0.5) + own * (uniform(hash(seed, place, at)) - 0.5)
  const grid = (place: number, count: number) => {
    const values = new Float32Array(count * count)
    for (let row = 0; row < count; row++)
      for (let column = 0; column < count; column++)
        values[row * count + column] = draw(place, row * 32 + column)
    return values
  }
  const tensor = (
    role: string,
    layer: number,
    rows: number,
    columns: number,
    count: number,
  ): TensorSketch => ({
    ...{ role, layer, rows, columns, dtype: 'F32', quantized: false, height: count, width: count },
    values: grid(layer * 16 + role.charCodeAt(0), count),
  })
  const tensors = [tensor('embed', -1, 32_000, hidden, isWhole ? 32 : 16)]
  for (let layer = 0; layer < layers; layer++) {
    if (!isWhole && layer > 1 && layer < layers - 2) continue
    for (const [role, rows, columns] of roles) tensors.push(tensor(role, layer, rows, columns, side))
  }
  return {
    ...{ version: 1, format: 'safetensors', parameters: 7e9, heads: 32, kvHeads: 32, circuits: [] },
    ...{ tensors, gram: gramOf(family, draw, isWhole ? tokens : codeTokens) },
  }
}

function gramOf(family: number, draw: (place: number, at: number) => number, count: number): Gram {
  const tokenizer = family % 2 === 0 ? 0 : family % 50
  const products = new Float32Array(count * count)
  for (let a = 0; a < count; a++) {
    for (let b = 0; b < a; b++) {
      products[a * count + b] = draw(9999, a * tokens + b)
      products[b * count + a] = products[a * count + b]!
    }
    products[a * count + a] = 1
  }
  const hashes = Uint32Array.from({ length: count }, (_, token) => (token * 1000 + tokenizer) >>> 0)
  return { basis: 'strings', tokens: hashes, products }
}

function hash(a: number, b: number, c: number): number {
  let h = Math.imul(a, 0x9e3779b1) ^ Math.imul(b + 1, 0x85ebca6b) ^ Math.imul(c + 1, 0xc2b2ae35)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  h ^= h >>> 16
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d)
  return (h ^ (h >>> 12)) >>> 0
}

function uniform(word: number): number {
  return word / 4294967296
}
