import type { Flat } from './merges.ts'
import { halfStep } from './rounding.ts'

/**
 * A merge of what models changed in one base, each entry kept or dropped (TIES, DARE): then the child's difference to the base is, entry by
 * entry, nothing, one model's difference times that model's factor, or both together.
 */
export interface TaskMerge {
  /** Places in the list of candidates. */
  readonly base: number
  readonly members: readonly number[]
  readonly kind: 'ties' | 'dare'
  /** Share of the entries that are explained. */
  readonly explained: number
}

interface Entries {
  /** Child minus base, and how far rounding may have moved it. */
  readonly change: Float64Array
  readonly slack: Float64Array
}

/** Entries looked at of each matrix. */
const baseLimit = 8
const memberLimit = 6
const fewestEntries = 400

export function findTaskMerge(
  child: Flat,
  dtype: string,
  candidates: readonly Flat[],
): TaskMerge | undefined {
  const bases = candidates
    .map((flat, place) => ({ place, zero: unchangedShare(child, dtype, flat) }))
    .filter(({ zero }) => zero >= 0.04 && zero <= 0.985)
    .sort((a, b) => b.zero - a.zero)
    .slice(0, baseLimit)
  let best: TaskMerge | undefined
  for (const { place } of bases) {
    const found = withBase(child, dtype, candidates, place)
    if (found && found.explained > (best?.explained ?? 0)) best = found
  }
  return best
}

function unchangedShare(child: Flat, dtype: string, base: Flat): number {
  let unchanged = 0
  for (let at = 0; at < child.values.length; at++) {
    const value = child.values[at] as number
    if (Math.abs(value - (base.values[at] as number)) <= halfStep(dtype, value)) unchanged++
  }
  return unchanged / child.values.length
}

interface Factor {
  readonly place: number
  readonly factor: number
  readonly pile: number
}

function withBase(
  child: Flat,
  dtype: string,
  candidates: readonly Flat[],
  base: number,
): TaskMerge | undefined {
  const entries = entriesOf(child, dtype, candidates[base] as Flat)
  const factors = candidates
    .flatMap((flat, place): Factor[] => {
      if (place === base) return []
      const found = factorOf(entries, flat, candidates[base] as Flat)
      return found ? [{ place, ...found }] : []
    })
    .sort((a, b) => b.pile - a.pile)
    .slice(0, memberLimit)
  let best: TaskMerge | undefined
  for (const [index, first] of factors.entries()) {
    for (const second of factors.slice(index + 1)) {
      const found = explain(entries, candidates, base, first, second)
      if (found && found.explained > (best?.explained ?? 0)) best = found
    }
  }
  return best
}

function entriesOf(child: Flat, dtype: string, base: Flat): Entries {
  const change = new Float64Array(child.values.length)
  const slack = new Float64Array(child.values.length)
  for (let at = 0; at < change.length; at++) {
    const value = child.values[at] as number
    change[at] = value - (base.values[at] as number)
    slack[at] = halfStep(dtype, value) * 1.02
  }
  return { change, slack }
}

const bins = 240
const lowest = Math.log(0.04)
const binWidth = (Math.log(25) - lowest) / bins

/** The factor at which the child's changes pile up over a candidate's. */
function factorOf(
  { change, slack }: Entries,
  candidate: Flat,
  base: Flat,
): { factor: number; pile: number } | undefined {
  const counts = new Float64Array(bins)
  const sums = new Float64Array(bins)
  let total = 0
  for (let at = 0; at < change.length; at++) {
    const x = change[at] as number
    const d = (candidate.values[at] as number) - (base.values[at] as number)
    const s = slack[at] as number
    if (Math.abs(x) < 12 * s || Math.abs(d) < 12 * s) continue
    total++
    if (x * d <= 0) continue
    const ratio = Math.log(x / d)
    const bin = Math.floor((ratio - lowest) / binWidth)
    if (bin < 0 || bin >= bins) continue
    counts[bin] = (counts[bin] as number) + 1
    sums[bin] = (sums[bin] as number) + ratio
  }
  if (total < fewestEntries) return undefined
  let top = 1
  let most = 0
  for (let bin = 1; bin < bins - 1; bin++) {
    const here = (counts[bin - 1] as number) + (counts[bin] as number) + (counts[bin + 1] as number)
    if (here <= most) continue
    most = here
    top = bin
  }
  if (most < 0.08 * total) return undefined
  let sum = 0
  for (let bin = top - 1; bin <= top + 1; bin++) sum += sums[bin] as number
  return { factor: Math.exp(sum / most), pile: most / total }
}

function explain(
  { change, slack }: Entries,
  candidates: readonly Flat[],
  base: number,
  first: Factor,
  second: Factor,
): TaskMerge | undefined {
  const origin = (candidates[base] as Flat).values
  const [one, other] = [candidates[first.place] as Flat, candidates[second.place] as Flat]
  let [total, explained, byFirst, bySecond] = [0, 0, 0, 0]
  const kept: number[] = []
  const dropped: number[] = []
  for (let at = 0; at < change.length; at++) {
    const x = change[at] as number
    const d1 = (one.values[at] as number) - (origin[at] as number)
    const d2 = (other.values[at] as number) - (origin[at] as number)
    const s = slack[at] as number
    // What is smaller than rounding is explained by anything.
    if (Math.max(Math.abs(d1), Math.abs(d2)) < 12 * s) continue
    total++
    const [y1, y2] = [first.factor * d1, second.factor * d2]
    const near = (y: number) => Math.abs(x - y) <= s * 2 + 0.04 * Math.abs(y)
    const isNothing = Math.abs(x) <= s
    const [is1, is2] = [near(y1), near(y2)]
    const both = near(y1 + y2) || (y1 * y2 > 0 && (x - y1) * (x - y2) <= 0 && x * y1 > 0)
    if (!isNothing && !is1 && !is2 && !both) continue
    explained++
    if (isNothing) dropped.push(Math.abs(d1))
    else if (is1 && !is2) {
      byFirst++
      kept.push(Math.abs(d1))
    } else if (is2 && !is1) {
      bySecond++
      dropped.push(Math.abs(d1))
    }
  }
  if (total < fewestEntries || explained < 0.9 * total) return undefined
  if (byFirst < 0.05 * total || bySecond < 0.05 * total) return undefined
  const kind = medianOf(kept) > 1.6 * medianOf(dropped) ? 'ties' : 'dare'
  return { base, members: [first.place, second.place], kind, explained: explained / total }
}

function medianOf(values: number[]): number {
  values.sort((a, b) => a - b)
  return values[values.length >> 1] ?? 0
}
