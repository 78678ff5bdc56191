import { mkdir, writeFile } from 'node:fs/promises'
import { availableParallelism, cpus } from 'node:os'
import { join } from 'node:path'
import { describeTarget, type Figure, isReached, median, type Rounds } from './figure.ts'

const RESULTS = join(import.meta.dirname, '../results')
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

/** Writes `bench/results/<figure>.json`: numbers and what they were measured on, no names of machines or places. */
export async function keepResult(result: Result): Promise<void> {
  const { figure, rounds } = result
  const { name, question, unit, reference, target } = figure
  const kept = {
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
