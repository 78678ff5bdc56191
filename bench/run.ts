import { readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { Bench } from './kit/bench.ts'
import type { Figure } from './kit/figure.ts'
import { judge, keepResult, tableHead, tableLine } from './kit/report.ts'

/**
 * `node bench/run.ts [FIGURE …]` measures all figures, or those named, and prints a line for each. Every other file of
 * this folder is a figure. `BENCH_SMALL=1` shrinks everything and keeps no result: a check that the suite works.
 * Missed targets are no failure; a figure that could not be measured is.
 */
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
const run = new Bench(isSmall)
console.log(tableHead)
try {
  for (const name of asked.length > 0 ? asked : names) {
    const started = Date.now()
    process.stderr.write(`${name}\n`)
    const bench = new Bench(isSmall, run)
    try {
      const { figure }: { figure: Figure } = await import(join(import.meta.dirname, `${name}.ts`))
      const result = judge(figure, await figure.run(bench))
      console.log(tableLine(result))
      if (!isSmall) await keepResult(result)
    } catch (error) {
      broken.push(name)
      console.error(`\n!! ${name} could not be measured: ${(error as Error).stack}\n`)
    } finally {
      await bench.close()
    }
    process.stderr.write(`    ${((Date.now() - started) / 1000).toFixed(1)} s in all\n`)
  }
} finally {
  await run.close()
}
if (broken.length > 0) console.error(`\nNot measured: ${broken.join(', ')}`)
process.exitCode = broken.length > 0 ? 1 : 0
