import { mkdir, writeFile } from 'node:fs/promises'
import { availableParallelism, cpus } from 'node:os'
import { join } from 'node:path'
import { describeTarget, type Figure, isReached, median, type Rounds } from './figure.ts'

export const RESULTS = join(import.meta.dirname, '../results')
const columns = [24, 17, 17, 9, 28] as const

export const tableHead = row('figure', 'ours', 'reference', 'ratio', 'target', 'reached')

export interface Result {
  readonly figure: Figure
  readonly rounds: Rounds
  readonly ours: number
  readonly reference: number
  /** Ours divided by the reference. */
  readonly ratio: number
  /** Undefined when there is no target. */
  readonly isReached: boolean | undefined
}

export function judge(figure: Figure, rounds: Rounds): Result {
  const ours = median(rounds.ours)
  const reference = median(rounds.reference)
  const ratio = ours / reference
  if (!Number.isFinite(ratio))
    throw new Error(`${figure.name}: measured ${ours} and ${reference}, which is nothing`)
  return { figure, rounds, ours, reference, ratio, isReached: isReached(figure.target, ours, ratio) }
}

export function tableLine({ figure, ours, reference, ratio, isReached }: Result): string {
  return row(
    figure.name,
    `${round(ours)} ${figure.unit}`,
    `${round(reference)} ${figure.unit}`,
    `${round(ratio)}x`,
    describeTarget(figure.target, figure.unit),
    isReached === undefined ? '–' : isReached ? 'yes' : 'no',
  )
}

/** A file of `bench/results/`. */
export interface KeptResult {
  readonly name: string
  readonly question: string
  readonly unit: string
  readonly reference: string
  readonly target: string
  readonly date: string
  readonly node: string
  readonly cpu: string
  readonly cores: number
  readonly rounds: number
  readonly ours: Measured
  readonly referenceMeasured: Measured
  readonly ratio: number
  readonly isReached: boolean | undefined
  readonly facts?: Rounds['facts']
}

interface Measured {
  readonly median: number
  readonly rounds: readonly number[]
}

/** Writes `bench/results/<figure>.json`: numbers and what they were measured on, no names of machines or places. */
export async function keepResult(result: Result): Promise<void> {
  const { figure, rounds } = result
  const { name, question, unit, reference, target } = figure
  const kept: KeptResult = {
    name,
    question,
    unit,
    reference,
    target: describeTarget(target, unit),
    date: new Date().toISOString(),
    node: process.version,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    rounds: rounds.ours.length,
    ours: { median: round(result.ours), rounds: rounds.ours.map(round) },
    referenceMeasured: { median: round(result.reference), rounds: rounds.reference.map(round) },
    ratio: round(result.ratio),
    isReached: result.isReached,
    ...(rounds.facts && { facts: rounds.facts }),
  }
  await mkdir(RESULTS, { recursive: true })
  await writeFile(join(RESULTS, `${name}.json`), `${JSON.stringify(kept, null, 2)}\n`)
}

/** Three digits that count, and never fewer than the whole number has. */
function round(value: number): number {
  return Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3))
}

function row(...cells: readonly string[]): string {
  return cells.map((cell, i) => cell.padEnd(columns[i] ?? 0)).join(' ')
}
