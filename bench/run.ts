import { readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { Bench } from './kit/bench.ts'
import type { Figure } from './kit/figure.ts'
import { judge, keepResult, tableHead, tableLine } from './kit/report.ts'
import { writeTables } from './kit/tables.ts'

/**
 * `node bench/run.ts [FIGURE …]` measures all figures, or those named, and prints a line for each. Every other file of
 * this folder is a figure. Results are kept, and the tables of docs/performance.md are written from all that are kept.
 * `BENCH_SMALL=1` shrinks everything and keeps nothing: a check that the suite works. Missed targets are no failure; a
 * figure that could not be measured is, but the others are measured all the same.
 */
const figureLimitMs = 15 * 60_000
const isSmall = process.env.BENCH_SMALL === '1'
const asked = process.argv.slice(2).map(name => basename(name, '.ts'))
const names = (await readdir(import.meta.dirname))
  .filter(file => file.endsWith('.ts') && file !== basename(import.meta.filename))
  .map(file => basename(file, '.ts'))
  .sort()

const unknown = asked.filter(name => !names.includes(name))
if (unknown.length > 0) {
  console.error(`There is no figure ${unknown.join(', ')}. There are:\n  ${names.join('\n  ')}`)
  process.exit(2)
}

const broken: string[] = []
const started = Date.now()
const run = new Bench(isSmall)
let current: Bench | undefined

// Hubs and gigabytes are not left behind.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    await current?.close().catch(() => {})
    await run.close().catch(() => {})
    process.exit(130)
  })
}

console.log(tableHead)
for (const name of asked.length > 0 ? asked : names) await measure(name)
await run.close()
if (!isSmall) await writeTables(names)
process.stderr.write(`All in ${((Date.now() - started) / 60_000).toFixed(1)} minutes.\n`)
if (broken.length > 0) console.error(`\nNot measured: ${broken.join(', ')}`)
// What could not be stopped in time does not keep this process.
process.exit(broken.length > 0 ? 1 : 0)

async function measure(name: string): Promise<void> {
  const started = Date.now()
  process.stderr.write(`${name}\n`)
  const bench = new Bench(isSmall, run)
  current = bench
  try {
    const { figure }: { figure: Figure } = await import(join(import.meta.dirname, `${name}.ts`))
    const result = judge(figure, await within(figureLimitMs, figure.run(bench)))
    console.log(tableLine(result))
    if (!isSmall) await keepResult(result)
  } catch (error) {
    notMeasured(name, error)
  }
  await bench.close().catch(error => notMeasured(name, error))
  process.stderr.write(`    ${((Date.now() - started) / 1000).toFixed(1)} s in all\n`)
}

function notMeasured(name: string, error: unknown): void {
  broken.push(name)
  console.error(`\n!! ${name} could not be measured: ${(error as Error).stack}\n`)
}

async function within<T>(limitMs: number, work: Promise<T>): Promise<T> {
  const { promise: tooLate, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`took more than ${limitMs / 60_000} minutes`)), limitMs)
  return Promise.race([work, tooLate]).finally(() => clearTimeout(timer))
}
