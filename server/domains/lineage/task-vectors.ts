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
  isDeclared: (place: number) => boolean,
): TaskMerge | undefined {
  const bases = candidates
    .map((flat, place) => ({ place, zero: unchangedShare(child, dtype, flat) }))
    .filter(({ zero }) => zero >= 0.04 && zero <= 0.985)
    .sort((a, b) => b.zero - a.zero)
    .slice(0, baseLimit)
  let best: TaskMerge | undefined
  for (const { place } of bases) {
    const found = withBase(child, dtype, candidates, place, isDeclared)
    if (found && found.explained > (best?.explained ?? 0)) best = found
  }
  return best
}

/** Share of values that are the base's, up to rounding. */
export function unchangedShare(child: Flat, dtype: string, base: Flat): number {
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
  isDeclared: (place: number) => boolean,
): TaskMerge | undefined {
  const entries = entriesOf(child, dtype, candidates[base] as Flat)
  const factors = candidates
    .flatMap((flat, place): Factor[] => {
      if (place === base) return []
      const found = factorOf(entries, flat, candidates[base] as Flat)
      return found ? [{ place, ...found }] : []
    })
    .sort((a, b) => b.pile - a.pile)
    .filter((factor, at) => at < memberLimit || isDeclared(factor.place))
  let best: TaskMerge | undefined
  // Members that are mixtures of one another explain the same: then the card is believed.
  const named = factors.filter(({ place }) => isDeclared(place))
  const asNamed = named.length >= 2 ? explain(entries, candidates, base, named.slice(0, 3)) : undefined
  if (asNamed) return { ...asNamed, explained: 1 + asNamed.explained }
  const consider = (members: readonly Factor[]) => {
    const found = explain(entries, candidates, base, members)
    if (found && found.explained > (best?.explained ?? 0) + gainOfOneMore) best = found
  }
  for (const [i, first] of factors.entries()) {
    for (const [j, second] of factors.slice(0, i).entries()) {
      consider([first, second])
      for (const third of factors.slice(0, j)) consider([first, second, third])
    }
  }
  return best
}

/** One member more has to explain so much more. */
const gainOfOneMore = 0.01
const leastExplained = 0.9
/** What each member alone explains, as a share of all. */
const leastAlone = 0.04

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
  members: readonly Factor[],
): TaskMerge | undefined {
  const origin = (candidates[base] as Flat).values
  const values = members.map(({ place }) => (candidates[place] as Flat).values)
  const factors = members.map(({ factor }) => factor)
  const n = members.length
  const alone = new Uint32Array(n)
  const parts = new Float64Array(n)
  let [total, explained] = [0, 0]
  const changes: Changes[] = members.map(() => [])
  for (let at = 0; at < change.length; at++) {
    const x = change[at] as number
    const s = slack[at] as number
    let most = 0
    for (let m = 0; m < n; m++) {
      const d = ((values[m] as Float32Array)[at] as number) - (origin[at] as number)
      parts[m] = (factors[m] as number) * d
      most = Math.max(most, Math.abs(d))
    }
    // What is smaller than rounding is explained by anything.
    if (most < 12 * s) continue
    total++
    const isNothing = Math.abs(x) <= s
    for (let m = 0; m < n; m++) {
      const size = Math.abs(parts[m] as number)
      if (size >= 12 * s * (factors[m] as number)) changes[m]?.push([size, isNothing])
    }
    if (isNothing) {
      explained++
      continue
    }
    const by = explainEntry(x, s, parts)
    if (by === undefined) continue
    explained++
    if (by < 0) continue
    alone[by] = (alone[by] as number) + 1
  }
  if (total < fewestEntries || explained < leastExplained * total) return undefined
  if (alone.some(count => count < leastAlone * total)) return undefined
  const kind = changes.some(keepsTheLargest) ? 'ties' : 'dare'
  return { base, members: members.map(({ place }) => place), kind, explained: explained / total }
}

/** The one member whose part it is; -1: several together, or more than one could be; undefined: nobody's. */
function explainEntry(x: number, slack: number, parts: Float64Array): number | undefined {
  let by: number | undefined
  let [low, high] = [Number.POSITIVE_INFINITY, 0]
  for (let set = 1; set < 1 << parts.length; set++) {
    let sum = 0
    for (let m = 0; m < parts.length; m++) if (set & (1 << m)) sum += parts[m] as number
    if (Math.abs(x - sum) > slack * 2 + 0.04 * Math.abs(sum)) continue
    const single = (set & (set - 1)) === 0 ? Math.log2(set) : -1
    by = by === undefined ? single : -1
  }
  if (by !== undefined) return by
  // Where several agree in sign, their mean.
  for (const part of parts) {
    if (part * x <= 0) continue
    low = Math.min(low, Math.abs(part))
    high = Math.max(high, Math.abs(part))
  }
  return Math.abs(x) > low && Math.abs(x) < high ? -1 : undefined
}

/** Of a member's changes how large each is, and whether the child has none of it or of any other. */
type Changes = [size: number, isNothing: boolean][]

/** TIES drops the smallest; DARE drops any, and is as likely to drop a large one. */
export function keepsTheLargest(changes: Changes): boolean {
  changes.sort(([a], [b]) => a - b)
  const eighth = Math.max(1, changes.length >> 3)
  const nothing = (some: Changes) => some.filter(([, isNothing]) => isNothing).length
  return nothing(changes.slice(-eighth)) < 0.35 * nothing(changes.slice(0, eighth))
}
