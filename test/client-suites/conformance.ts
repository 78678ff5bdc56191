import { readFile, writeFile } from 'node:fs/promises'
import type { SuiteRun } from './outcomes.ts'

const BEGIN = '<!-- made by `make client-suites` -->'
const END = '<!-- end -->'

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

/** Puts the tables between the markers of `file`. */
export async function keepTables(file: string, runs: readonly SuiteRun[]): Promise<void> {
  const text = await readFile(file, 'utf8')
  const [before, rest = ''] = text.split(BEGIN)
  const after = rest.split(END)[1]
  if (after === undefined) throw new Error(`${file} has lost its markers ${BEGIN} and ${END}`)
  await writeFile(file, `${before}${BEGIN}\n\n${tables(runs)}\n${END}${after}`)
}
