import type { TensorSketch } from '../sketches/index.ts'
import { sharedValues } from './align.ts'

/** How one tensor of a model stands to one of another, over the values that both were sampled at. */
export interface TensorComparison {
  readonly role: string
  readonly a: TensorSketch
  readonly b: TensorSketch
  readonly count: number
  /** Pearson's r; 0 when one of them is constant. */
  readonly correlation: number
  /** Σ(a-b)², Σa², Σb². */
  readonly difference: number
  readonly powerA: number
  readonly powerB: number
  /** Values that are the same number in both. */
  readonly equal: number
  /** Neither is constant, so that being alike tells something. */
  readonly telling: boolean
}

export function compareTensors(a: TensorSketch, b: TensorSketch): TensorComparison {
  const shared = sharedValues(a, b)
  const count = shared.a.length
  let [sumA, sumB, sumAA, sumBB, sumAB, equal] = [0, 0, 0, 0, 0, 0]
  let difference = 0
  for (let at = 0; at < count; at++) {
    const x = shared.a[at] as number
    const y = shared.b[at] as number
    sumA += x
    sumB += y
    sumAA += x * x
    sumBB += y * y
    sumAB += x * y
    difference += (x - y) * (x - y)
    if (x === y) equal++
  }
  const telling = spread(count, sumA, sumAA) && spread(count, sumB, sumBB)
  const correlation = telling ? pearson(count, sumA, sumB, sumAA, sumBB, sumAB) : 0
  return { role: a.role, a, b, count, correlation, difference, powerA: sumAA, powerB: sumBB, equal, telling }
}

function spread(count: number, sum: number, squares: number): boolean {
  return count > 1 && squares - (sum * sum) / count > 1e-12 * squares
}

function pearson(n: number, sumA: number, sumB: number, sumAA: number, sumBB: number, sumAB: number): number {
  if (n < 2) return 0
  const varianceA = sumAA - (sumA * sumA) / n
  const varianceB = sumBB - (sumB * sumB) / n
  if (varianceA <= 0 || varianceB <= 0) return 0
  return (sumAB - (sumA * sumB) / n) / Math.sqrt(varianceA * varianceB)
}
