import type { Bench } from './bench.ts'

/** One question about speed or size, answered by a ratio: ours to a reference that is measured in the same run. */
export interface Figure {
  /** The name of its file. */
  readonly name: string
  /** What a reader learns from it, as one sentence. */
  readonly question: string
  readonly unit: string
  /** What stands beside us, exactly. */
  readonly reference: string
  /** All of them have to hold. None: the figure is only stated. */
  readonly target: readonly Bound[]
  run(bench: Bench): Promise<Rounds>
}

/** A limit on the ratio (ours : reference), or on our own value in the figure's unit. */
export interface Bound {
  readonly of: 'ratio' | 'ours'
  readonly atLeast?: number
  readonly atMost?: number
}

/** What was measured, in the figure's unit, in the order of the rounds. */
export interface Rounds {
  readonly ours: readonly number[]
  readonly reference: readonly number[]
  /** What helps to understand the figure: latencies, wall time beside processor time, bytes. */
  readonly facts?: Readonly<Record<string, number | string>>
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle]
  if (upper === undefined) throw new RangeError('the median of nothing')
  return sorted.length % 2 ? upper : (upper + sorted[middle - 1]!) / 2
}

/** Undefined when there is no target. */
export function isReached(target: readonly Bound[], ours: number, ratio: number): boolean | undefined {
  if (target.length === 0) return undefined
  return target.every(({ of, atLeast, atMost }) => {
    const value = of === 'ratio' ? ratio : ours
    return value >= (atLeast ?? -Infinity) && value <= (atMost ?? Infinity)
  })
}

export function describeTarget(target: readonly Bound[], unit: string): string {
  if (target.length === 0) return 'none, only stated'
  return target
    .map(({ of, atLeast, atMost }) => {
      const limit = atLeast ?? atMost
      const sign = atLeast === undefined ? '≤' : '≥'
      return of === 'ratio' ? `${sign} ${limit}x` : `${sign} ${limit} ${unit}`
    })
    .join(', ')
}
