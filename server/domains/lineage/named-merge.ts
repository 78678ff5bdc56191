import type { Flat } from './merges.ts'
import { halfStep } from './rounding.ts'
import { keepsTheLargest, unchangedShare } from './task-vectors.ts'

/** A merge of the models that the card names, which is no exact mean and no exact mixture of kept differences, but has a part of each. */
export interface NamedMerge {
  readonly members: readonly number[]
  readonly kind: 'linear' | 'ties' | 'dare'
}

/** What each member's difference to the base must weigh in the child's. */
const leastWeight = 0.12
/** Of what the nearest single model leaves: a child of an earlier merge of the same models has all of them too. */
const mostLeft = 0.95
/** In standard errors: tens of thousands of values make chance small. */
const leastCertain = 20

/**
 * Tests what a card says instead of searching: the child's difference to some base is regressed on those of all the models that are named. All must count. A child of one of them
 * has nothing of the others; a sibling's share is below what is asked.
 */
export function testNamedMerge(
  child: Flat,
  dtype: string,
  candidates: readonly Flat[],
  isDeclared: (place: number) => boolean,
): NamedMerge | undefined {
  const named = candidates.map((_, place) => place).filter(isDeclared)
  if (named.length < 2) return undefined
  let best: (NamedMerge & { residual: number }) | undefined
  const nearest = Math.min(...candidates.map(flat => distance(child, flat)))
  for (const [base, flat] of candidates.entries()) {
    const members = named.filter(place => place !== base)
    if (members.length < 2) continue
    const residual = regress(
      child,
      flat,
      members.map(place => candidates[place] as Flat),
    )
    if (residual === undefined || residual >= (best?.residual ?? mostLeft * nearest)) continue
    best = {
      members,
      residual,
      kind: kindOf(
        child,
        dtype,
        flat,
        members.map(place => candidates[place] as Flat),
      ),
    }
  }
  return best
}

/** What is left unexplained; undefined when a member does not count. */
function regress(child: Flat, base: Flat, members: readonly Flat[]): number | undefined {
  const n = members.length
  const rows = Array.from({ length: n }, () => new Float64Array(2 * n + 1))
  let power = 0
  const length = child.values.length
  const d = new Float64Array(n)
  for (let at = 0; at < length; at++) {
    const origin = base.values[at] as number
    const x = (child.values[at] as number) - origin
    power += x * x
    for (let i = 0; i < n; i++) {
      d[i] = ((members[i] as Flat).values[at] as number) - origin
      const row = rows[i] as Float64Array
      for (let j = 0; j <= i; j++) row[j] = (row[j] as number) + (d[i] as number) * (d[j] as number)
      row[2 * n] = (row[2 * n] as number) + (d[i] as number) * x
    }
  }
  const right = rows.map(row => row[2 * n] as number)
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) (rows[j] as Float64Array)[i] = (rows[i] as Float64Array)[j] as number
    ;(rows[i] as Float64Array)[n + i] = 1
  }
  if (!invert(rows, n)) return undefined
  const weights = rows.map(row => row[2 * n] as number)
  const explained = weights.reduce((sum, weight, i) => sum + weight * (right[i] as number), 0)
  const residual = Math.max(0, power - explained)
  const certain = weights.every((weight, i) => {
    const error = Math.sqrt((residual / length) * ((rows[i] as Float64Array)[n + i] as number))
    return weight >= leastWeight && weight >= leastCertain * error
  })
  return certain ? residual : undefined
}

function distance(a: Flat, b: Flat): number {
  let sum = 0
  for (const [at, value] of a.values.entries()) sum += (value - (b.values[at] as number)) ** 2
  return sum
}

/** Gauss and Jordan on [matrix | unit matrix | right side], in place; false when the matrix is singular. */
function invert(rows: readonly Float64Array[], n: number): boolean {
  for (let p = 0; p < n; p++) {
    const row = rows[p] as Float64Array
    const pivot = row[p] as number
    if (!(pivot > 1e-12)) return false
    for (let k = 0; k < row.length; k++) row[k] = (row[k] as number) / pivot
    for (const [q, other] of rows.entries()) {
      const factor = other[p] as number
      if (q === p || factor === 0) continue
      for (let k = 0; k < row.length; k++) other[k] = (other[k] as number) - factor * (row[k] as number)
    }
  }
  return true
}

const leastUnchanged = 0.04

function kindOf(child: Flat, dtype: string, base: Flat, members: readonly Flat[]): NamedMerge['kind'] {
  if (unchangedShare(child, dtype, base) < leastUnchanged) return 'linear'
  const keeps = members.some(member => {
    const changes: [number, boolean][] = []
    for (const [at, value] of child.values.entries()) {
      const step = halfStep(dtype, value)
      const origin = base.values[at] as number
      const size = Math.abs((member.values[at] as number) - origin)
      if (size >= 12 * step) changes.push([size, Math.abs(value - origin) <= step])
    }
    return keepsTheLargest(changes)
  })
  return keeps ? 'ties' : 'dare'
}
