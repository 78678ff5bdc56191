import type { Sketch } from '../sketches/index.ts'
import { halfStep } from './rounding.ts'

/** Sampled values of all matrices of a model, one after the other, where several models are sampled at the same places. */
export interface Flat {
  readonly values: Float32Array
  /** Where each matrix begins, and the end. */
  readonly starts: readonly number[]
}

const flatSide = 32

/** In the order of `like`, at most 32 × 32 values of each matrix; undefined when the shapes are others. */
export function flatten(sketch: Sketch, like: Sketch): Flat | undefined {
  const byPlace = new Map(sketch.tensors.map(tensor => [`${tensor.layer}/${tensor.role}`, tensor]))
  const pieces: Float32Array[] = []
  const starts = [0]
  let length = 0
  for (const { role, layer, rows, columns } of like.tensors) {
    if (columns === 1) continue
    const tensor = byPlace.get(`${layer}/${role}`)
    if (tensor?.rows !== rows || tensor.columns !== columns) return undefined
    const height = Math.min(tensor.height, flatSide)
    const width = Math.min(tensor.width, flatSide)
    const piece = new Float32Array(height * width)
    for (let row = 0; row < height; row++)
      piece.set(tensor.values.subarray(row * tensor.width, row * tensor.width + width), row * width)
    pieces.push(piece)
    length += piece.length
    starts.push(length)
  }
  const values = new Float32Array(length)
  for (const [index, piece] of pieces.entries()) values.set(piece, starts[index])
  return { values, starts }
}

/** Energy that rounding to its type leaves in each matrix of a model, at most about. */
export function roundingNoise(sketch: Sketch, { values, starts }: Flat): Float64Array {
  const dtypes = sketch.tensors.filter(({ columns }) => columns > 1).map(({ dtype }) => dtype)
  return Float64Array.from(dtypes, (dtype, index) => {
    let sum = 0
    for (let at = starts[index] as number; at < (starts[index + 1] as number); at++)
      sum += halfStep(dtype, values[at] as number) ** 2
    // Uniform between -half and half: a third of the square.
    return sum / 3
  })
}

export interface Mix {
  /** Places in the list of candidates. */
  readonly members: readonly number[]
  readonly weights: readonly number[]
  readonly kind: 'linear' | 'slerp'
  /** Energy that is not explained, in units of what rounding leaves. */
  readonly residual: number
}

/** Dot products of the differences to the first candidate: of each with each, and with the child, for each matrix. */
interface Products {
  readonly count: number
  readonly matrices: number
  /** [matrix][i][j] with the child as the last. */
  readonly at: (matrix: number, i: number, j: number) => number
}

function productsOf(child: Flat, candidates: readonly Flat[]): Products {
  const origin = candidates[0] as Flat
  const n = candidates.length + 1
  const matrices = child.starts.length - 1
  const sums = new Float64Array(matrices * n * n)
  const all = [...candidates, child].map(({ values }) => values)
  const longest = Math.max(
    ...child.starts.slice(1).map((end, index) => end - (child.starts[index] as number)),
  )
  const differences = Array.from({ length: n }, () => new Float64Array(longest))
  for (let matrix = 0; matrix < matrices; matrix++) {
    const start = child.starts[matrix] as number
    const length = (child.starts[matrix + 1] as number) - start
    for (let i = 1; i < n; i++) {
      const into = differences[i] as Float64Array
      const values = all[i] as Float32Array
      for (let at = 0; at < length; at++)
        into[at] = (values[start + at] as number) - (origin.values[start + at] as number)
    }
    for (let i = 1; i < n; i++) {
      for (let j = 1; j <= i; j++) {
        const a = differences[i] as Float64Array
        const b = differences[j] as Float64Array
        let sum = 0
        for (let at = 0; at < length; at++) sum += (a[at] as number) * (b[at] as number)
        sums[matrix * n * n + i * n + j] = sum
        sums[matrix * n * n + j * n + i] = sum
      }
    }
  }
  return {
    count: candidates.length,
    matrices,
    at: (matrix, i, j) => sums[matrix * n * n + i * n + j] as number,
  }
}

/**
 * The pair of candidates on whose line (linear) or arc (slerp) the child lies, up to rounding. Linear: one weight for all
 * matrices, or one for each. A child that lies on no line is undefined.
 */
export function findMix(child: Flat, candidates: readonly Flat[], noise: Float64Array): Mix | undefined {
  if (candidates.length < 2) return undefined
  const products = productsOf(child, candidates)
  const c = candidates.length
  let best: Mix | undefined
  let total = 0
  for (const energy of noise) total += energy
  for (let i = 0; i < c; i++) {
    for (let j = 0; j < i; j++) {
      let residual = 0
      let apart = 0
      let nearest = 0
      const weights: number[] = []
      for (let m = 0; m < products.matrices; m++) {
        const { at } = products
        const bb = at(m, j, j) - 2 * at(m, i, j) + at(m, i, i)
        const aa = at(m, c, c) - 2 * at(m, i, c) + at(m, i, i)
        const ab = at(m, j, c) - at(m, i, c) - at(m, i, j) + at(m, i, i)
        const w = bb > 0 ? ab / bb : 0
        weights.push(w)
        residual += Math.max(0, aa - w * ab)
        apart += bb
        nearest += Math.min(aa, aa - 2 * ab + bb)
      }
      // Parents that are nearly one model, or a child that is nearly one of them, tell nothing.
      if (apart < 16 * total || nearest < 16 * total) continue
      if (best && residual / total >= best.residual) continue
      const inside = median(weights)
      if (inside < 0.03 || inside > 0.97) continue
      best = { members: [i, j], weights: [1 - inside, inside], kind: 'linear', residual: residual / total }
    }
  }
  return best
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? 0
}
