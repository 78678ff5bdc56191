import type { TensorSketch } from '../sketches/index.ts'
import { sharedValues } from './align.ts'
import type { Comparison } from './compare.ts'
import { roundTo } from './rounding.ts'

/** What share of a child's values are a candidate's, exactly or after rounding to the child's type. */
export interface Exactness {
  readonly share: number
  /** Every shared value is the same number, unrounded. */
  readonly unrounded: boolean
  /** Every tensor of the child is in the candidate, in the same shape. */
  readonly whole: boolean
  readonly sameTypes: boolean
}

export function exactnessOf(comparison: Comparison): Exactness {
  let [same, rounded, count] = [0, 0, 0]
  let whole = comparison.whole.a
  let sameTypes = true
  for (const { a, b, equal, count: shared } of comparison.tensors) {
    count += shared
    same += equal
    rounded += equal === shared ? shared : roundedEqual(a, b)
    if (a.rows !== b.rows || a.columns !== b.columns) whole = false
    if (a.dtype !== b.dtype) sameTypes = false
  }
  return { share: count ? rounded / count : 0, unrounded: same === count, whole, sameTypes }
}

/** How many of the values that both were sampled at are the parent's, rounded to the child's type. */
export function roundedEqual(child: TensorSketch, parent: TensorSketch): number {
  const shared = sharedValues(child, parent)
  let equal = 0
  for (let at = 0; at < shared.a.length; at++)
    if (roundTo(child.dtype, shared.b[at] as number) === shared.a[at]) equal++
  return equal
}
