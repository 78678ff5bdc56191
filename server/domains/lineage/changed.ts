import type { Sketch, TensorSketch } from '../sketches/index.ts'
import { sharedValues } from './align.ts'
import { type Comparison, median } from './compare.ts'
import type { TensorComparison } from './compare-tensors.ts'
import { symmetricEigenvalues } from './eigenvalues.ts'
import { roundedEqual } from './exact.ts'
import { halfStep } from './rounding.ts'

/** How a child differs from one parent of the same shape. */
export interface Change {
  /** Share of vectors (norms, biases) whose values are all equal. */
  readonly vectorsKept: number
  /** Share of embeddings and output maps that are equal up to rounding. */
  readonly outerKept: number
  /** Share of the layers' matrices that are equal up to rounding. */
  readonly matricesKept: number
  /** Relative difference of each changed matrix: their mean, and their spread by it. */
  readonly relative: number
  readonly relativeSpread: number
  /** Of the looked-at differences: how many dimensions stand out of rounding noise, as a share of their side; undefined when nothing could be looked at. */
  readonly rank: number | undefined
  /** Median side of the differences looked at. */
  readonly side: number
}

const outerRoles = new Set(['embed', 'head', 'position'])

export function changeOf(comparison: Comparison): Change {
  const vectors = comparison.tensors.filter(({ a, role }) => a.columns === 1 && role !== 'position')
  const outer = comparison.tensors.filter(({ a, role }) => a.columns > 1 && outerRoles.has(role))
  const inner = comparison.tensors.filter(({ a, role }) => a.columns > 1 && !outerRoles.has(role))
  const changed = inner.filter(tensor => !kept(tensor))
  const relatives = changed.map(({ difference, powerB }) => Math.sqrt(difference / (powerB || 1)))
  const mean = relatives.reduce((sum, value) => sum + value, 0) / (relatives.length || 1)
  const variance = relatives.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (relatives.length || 1)
  const ranks = changed
    .filter(
      ({ a, b }) =>
        Math.min(a.height, a.width, b.height, b.width) >= 24 && a.rows === b.rows && a.columns === b.columns,
    )
    .sort((x, y) => y.count - x.count)
    .slice(0, rankedMatrices)
    .map(tensor => rankOf(tensor.a, tensor.b))
  return {
    vectorsKept: shareOf(
      vectors,
      ({ a, b, equal, count }) => equal === count || roundedEqual(a, b) === count,
    ),
    outerKept: shareOf(outer, kept),
    matricesKept: shareOf(inner, kept),
    relative: mean,
    relativeSpread: mean > 0 ? Math.sqrt(variance) / mean : 0,
    rank: ranks.length ? median(ranks.map(({ share }) => share)) : undefined,
    side: median(ranks.map(({ side }) => side)),
  }
}

const rankedMatrices = 6

function shareOf<Item>(items: readonly Item[], holds: (item: Item) => boolean): number {
  return items.length ? items.filter(holds).length / items.length : 1
}

/** Equal, but for a few values and for rounding. */
function kept({ a, difference, powerB, equal, count }: TensorComparison): boolean {
  if (equal >= count * 0.999) return true
  const noise =
    a.values.reduce((sum, value) => sum + halfStep(a.dtype, value) ** 2, 0) * (count / a.values.length)
  return difference <= noise && powerB > 0
}

/** How many singular values of child - parent stand out of what rounding makes of none, by the side of the sample. */
function rankOf(child: TensorSketch, parent: TensorSketch): { share: number; side: number } {
  const height = Math.min(child.height, parent.height)
  const width = Math.min(child.width, parent.width)
  const shared = sharedValues(child, parent)
  const rows = shared.a.length / width
  const n = Math.min(rows, width)
  const square = new Float64Array(n * n)
  let noise = 0
  const difference = shared.a.map((value, at) => {
    noise += halfStep(child.dtype, value) ** 2
    return value - (shared.b[at] as number)
  })
  noise /= 3 * shared.a.length
  const [along, across] = rows <= width ? [width, 1] : [1, width]
  const length = Math.max(rows, width)
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0
      for (let k = 0; k < length; k++)
        sum += (difference[i * along + k * across] as number) * (difference[j * along + k * across] as number)
      square[i * n + j] = sum
      square[j * n + i] = sum
    }
  }
  const values = symmetricEigenvalues(square, n)
  // Marchenko and Pastur: the largest eigenvalue that noise alone makes.
  const edge = noise * (Math.sqrt(rows) + Math.sqrt(width)) ** 2 * 1.2
  const floor = Math.max(edge, (values[0] ?? 0) * 1e-9)
  return { share: values.filter(value => value > floor).length / n, side: Math.min(height, width) }
}

/** Where matrices of layers are known these count: embeddings alone are often kept in fewer bits. */
export function isQuantized({ tensors }: Sketch): boolean {
  const inner = tensors.filter(({ layer, columns }) => layer >= 0 && columns > 1)
  return (inner.length > 0 ? inner : tensors).some(({ quantized }) => quantized)
}
