import { readFile } from 'node:fs/promises'

/** What came of one test. `excluded`: it was not run, or does not count; `excluded.txt` or the suite itself says why. */
export interface Outcome {
  /** `test_hf_api.py::TestCommitApi::test_upload_file`, `commit.spec.ts::commit > should commit` */
  readonly id: string
  readonly outcome: 'passed' | 'failed' | 'excluded'
  /** What it said when it failed: one line. */
  readonly why?: string
}

/** The outcomes of one suite, run in one way. */
export interface SuiteRun {
  /** `with Xet` */
  readonly title: string
  readonly outcomes: readonly Outcome[]
}

/** `*` stands for anything; all else is taken as it is. */
export function matches(pattern: string, id: string): boolean {
  const parts = pattern.split('*').map(part => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`).test(id)
}

/** The patterns of a list such as `excluded.txt`. Throws when one stands under no reason. */
export async function readPatterns(file: string): Promise<readonly string[]> {
  const patterns: string[] = []
  let reason = false
  for (const line of (await readFile(file, 'utf8')).split('\n').map(text => text.trim())) {
    if (line === '') reason = false
    else if (line.startsWith('#')) reason = true
    else if (reason) patterns.push(line)
    else throw new Error(`${file}: ${line} stands under no reason; begin its paragraph with a line "# …"`)
  }
  return patterns
}

/**
 * The tests that fail and may: the items "- `ID`" of docs/wire/known-differences.md. An id without a way counts for
 * every way that the suite is run in, "- `ID` (without Xet)" for that one.
 */
export async function readKnownDifferences(
  file: string,
): Promise<readonly { readonly id: string; readonly way: string | undefined }[]> {
  const items = (await readFile(file, 'utf8')).matchAll(/^- `([^`]+)`(?: \((.+)\))?$/gm)
  return [...items].map(([, id = '', way]) => ({ id, way }))
}
