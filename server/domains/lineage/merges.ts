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
  /** Of each member, the median over matrices. */
  readonly weights: readonly number[]
  readonly kind: 'linear' | 'slerp'
  /** What is not explained, in units of the energy that rounding leaves; the best single parent by the same measure. */
  readonly residual: number
  readonly single: number
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

/** Above this many times the noise of one rounding a fit is not a merge: products, sum and parents are rounded too. */
const mostNoise = 8
/** A merge explains at least this much of what its nearest parent leaves. */
const mostLeft = 0.12
/** Parents, or child and parent, that are nearer than this many times the noise tell nothing. */
const leastApart = 16
const pairsTried = 12

/** The candidates of which the child is a weighted mean, or a point of the arc between two, up to rounding. */
export function findMix(
  child: Flat,
  candidates: readonly Flat[],
  noise: Float64Array,
  isDeclared: (place: number) => boolean,
): Mix | undefined {
  if (candidates.length < 2) return undefined
  const products = productsOf(child, candidates)
  const total = noise.reduce((sum, energy) => sum + energy, 0) || Number.MIN_VALUE
  const singles = candidates.map((_, i) =>
    sumOver(products, m => distanceOf(products, m, i, candidates.length)),
  )
  const single = Math.min(...singles)
  if (single < leastApart * total) return undefined
  const bound = Math.min(mostNoise * total, mostLeft * single)
  const pairs = pairsByFit(products, total).slice(0, pairsTried)
  // Of several pairs on one line, the one that the card names.
  const declared = pairs.filter(pair => pair.every(isDeclared))
  for (const [i, j] of [...declared, ...pairs]) {
    const fit = fitPair(child, candidates[i] as Flat, candidates[j] as Flat, noise)
    if (fit.residual > bound || fit.weights.some(weight => weight < 0.03)) continue
    return { ...fit, members: [i, j], residual: fit.residual / total, single: single / total }
  }
  return findMean(products, bound, total, single)
}

function sumOver({ matrices }: Products, value: (matrix: number) => number): number {
  let sum = 0
  for (let matrix = 0; matrix < matrices; matrix++) sum += value(matrix)
  return sum
}

/** |v_i - v_j|² */
function distanceOf({ at }: Products, matrix: number, i: number, j: number): number {
  return at(matrix, i, i) - 2 * at(matrix, i, j) + at(matrix, j, j)
}

/** Pairs, those on whose lines (one for each matrix) the child lies nearest first. */
function pairsByFit(products: Products, total: number): [number, number][] {
  const { count: c, at } = products
  const fits: { pair: [number, number]; residual: number }[] = []
  for (let i = 0; i < c; i++) {
    for (let j = 0; j < i; j++) {
      let residual = 0
      let apart = 0
      for (let m = 0; m < products.matrices; m++) {
        const bb = distanceOf(products, m, i, j)
        const aa = distanceOf(products, m, i, c)
        const ab = at(m, j, c) - at(m, i, c) - at(m, i, j) + at(m, i, i)
        const w = bb > 0 ? Math.min(1, Math.max(0, ab / bb)) : 0
        residual += aa - 2 * w * ab + w * w * bb
        apart += bb
      }
      if (apart >= leastApart * total) fits.push({ pair: [i, j], residual })
    }
  }
  return fits.sort((a, b) => a.residual - b.residual).map(({ pair }) => pair)
}

/** child = a·one + b·other, for each matrix its own a and b; on an arc they are together more than 1. */
function fitPair(child: Flat, one: Flat, other: Flat, noise: Float64Array) {
  const weights: [number, number][] = []
  let residual = 0
  let beyond = 0
  let looked = 0
  for (let m = 0; m + 1 < child.starts.length; m++) {
    const [start, end] = [child.starts[m] as number, child.starts[m + 1] as number]
    let [xx, xy, yy, xc, yc, apart] = [0, 0, 0, 0, 0, 0]
    for (let at = start; at < end; at++) {
      const x = one.values[at] as number
      // The difference stands for the second: x and y are nearly parallel.
      const y = (other.values[at] as number) - x
      const c = (child.values[at] as number) - x
      xx += x * x
      xy += x * y
      yy += y * y
      xc += x * c
      yc += y * c
      apart += y * y
    }
    const determinant = xx * yy - xy * xy
    // child - one = s·one + b·(other - one), so a = 1 + s - b.
    const free = determinant > 1e-9 * xx * yy
    const line = yy > 0 ? yc / yy : 0
    const s = free ? (xc * yy - yc * xy) / determinant : 0
    const b = free ? (yc * xx - xc * xy) / determinant : line
    for (let at = start; at < end; at++) {
      const x = one.values[at] as number
      const y = (other.values[at] as number) - x
      residual += ((child.values[at] as number) - x - s * x - b * y) ** 2
    }
    if (apart < leastApart * (noise[m] as number) || apart === 0) continue
    weights.push([1 + s - b, b])
    // What an arc adds to a line at this angle.
    const angle = Math.sqrt(Math.max(0, yy / (xx || 1)))
    const arc = (b * (1 - b) * angle * angle) / 2
    const blur = 3 * Math.sqrt((noise[m] as number) / (xx || 1) / (end - start)) + 1e-7
    if (arc < 2 * blur || angle < straightBelow) continue
    looked++
    if (s > arc * 0.4) beyond++
  }
  const kind = looked >= 3 && beyond > looked * 0.6 ? ('slerp' as const) : ('linear' as const)
  return { residual, weights: [0, 1].map(side => medianOf(weights.map(pair => pair[side] as number))), kind }
}

/** mergekit goes straight where the cosine is above 0.9995 (`merge_methods/slerp.py`). */
const straightBelow = 0.0316

/** A weighted mean of three or four, the same weights in all matrices. */
function findMean(products: Products, bound: number, total: number, single: number): Mix | undefined {
  const { count: c, at } = products
  const pooled = (i: number, j: number) => sumOver(products, m => at(m, i, j))
  const gram = Array.from({ length: c + 1 }, (_, i) => Array.from({ length: c + 1 }, (_, j) => pooled(i, j)))
  let best: { members: number[]; weights: number[]; residual: number } | undefined
  const consider = (members: number[]) => {
    const fit = fitMean(gram, members, c)
    if (
      fit?.weights.every(weight => weight > 0.04) &&
      fit.residual < (best?.residual ?? Number.POSITIVE_INFINITY)
    )
      best = { members, ...fit }
  }
  for (let i = 0; i < c; i++) for (let j = 0; j < i; j++) for (let k = 0; k < j; k++) consider([i, j, k])
  if (best && best.residual > bound) {
    const three = best.members
    for (let l = 0; l < c; l++) if (!three.includes(l)) consider([...three, l])
  }
  if (!best || best.residual > bound) return undefined
  return {
    members: best.members,
    weights: best.weights,
    kind: 'linear',
    residual: best.residual / total,
    single: single / total,
  }
}

/** Weights that add up to 1 and make the mean of `members` nearest to `child`. */
function fitMean(gram: number[][], members: readonly number[], child: number) {
  const g = (i: number, j: number) => (gram[i] as number[])[j] as number
  const [origin = 0, ...others] = members
  const between = (i: number, j: number) => g(i, j) - g(i, origin) - g(j, origin) + g(origin, origin)
  const n = others.length
  const rows = others.map(i => [...others.map(j => between(i, j)), between(i, child)])
  for (let p = 0; p < n; p++) {
    const row = rows[p] as number[]
    const pivot = row[p] as number
    if (!(pivot > 1e-9 * g(child, child) || pivot > 1e-30)) return undefined
    for (let q = 0; q < n; q++) {
      if (q === p) continue
      const factor = ((rows[q] as number[])[p] as number) / pivot
      for (let k = p; k <= n; k++)
        (rows[q] as number[])[k] = ((rows[q] as number[])[k] as number) - factor * (row[k] as number)
    }
  }
  const solved = rows.map((row, p) => (row[n] as number) / (row[p] as number))
  let residual = between(child, child)
  for (const [k, i] of others.entries()) residual -= (solved[k] as number) * between(i, child)
  return { weights: [1 - solved.reduce((sum, w) => sum + w, 0), ...solved], residual: Math.max(0, residual) }
}

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? 0
}
