import { readFile, writeFile } from 'node:fs/promises'
import type { SuiteRun } from './outcomes.ts'

/** What came of one file of tests. */
interface Row {
  readonly file: string
  passed: number
  failed: number
  excluded: number
}

/** A line for each file, in the order in which they ran, and one for all of them. */
function countFiles(run: SuiteRun): readonly Row[] {
  const rows = new Map<string, Row>()
  const all: Row = { file: 'all', passed: 0, failed: 0, excluded: 0 }
  for (const { id, outcome } of run.outcomes) {
    const file = id.split('::')[0] ?? id
    const row = rows.get(file) ?? { file, passed: 0, failed: 0, excluded: 0 }
    rows.set(file, row)
    row[outcome] += 1
    all[outcome] += 1
  }
  return [...rows.values()].sort((a, b) => (a.file < b.file ? -1 : 1)).concat(all)
}

/** `97.3 %` of what was run. */
function share({ passed, failed }: Row): string {
  return passed + failed === 0 ? '–' : `${((100 * passed) / (passed + failed)).toFixed(1)} %`
}

/** The number for each file of each run, as Markdown. */
export function tables(runs: readonly SuiteRun[]): string {
  const parts = runs.map(run => {
    const lines = countFiles(run).map(row => {
      const cells = [
        row.file,
        row.passed,
        row.failed,
        row.excluded,
        row.passed + row.failed + row.excluded,
        share(row),
      ]
      return `| ${cells.join(' | ')} |`
    })
    return [
      `## ${run.title}`,
      '',
      '| file | passed | failed | excluded | of | passed of those run |',
      '| --- | ---: | ---: | ---: | ---: | ---: |',
      ...lines,
      '',
    ].join('\n')
  })
  return parts.join('\n')
}

/** Puts `text` between the markers of what a command of make has measured: `<!-- made by \`make NAME\` -->` and `<!-- end -->`. */
export async function keepSection(file: string, name: string, text: string): Promise<void> {
  const page = await readFile(file, 'utf8')
  const begin = `<!-- made by \`make ${name}\` -->`
  const end = '<!-- end -->'
  const start = page.indexOf(begin) + begin.length
  const stop = page.indexOf(end, start)
  if (!page.includes(begin) || stop < 0) throw new Error(`${file} has lost its markers ${begin} and ${end}`)
  await writeFile(file, `${page.slice(0, start)}\n\n${text.trim()}\n\n${page.slice(stop)}`)
}
