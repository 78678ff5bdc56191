import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Hub } from '../hub.ts'
import { readOutcomes, type SuiteRun } from './outcomes.ts'
import { OLD_CLIENTS, SUITES_WORK } from './places.ts'
import { clientOf, runProgram } from './run-program.ts'
import { TESTER } from './suite-hub.ts'

const SCRIPT = join(import.meta.dirname, 'python/old_client.py')

/** What people do with the versions of huggingface_hub that they still have. */
export async function runOldClients(hub: Hub): Promise<SuiteRun> {
  const work = join(SUITES_WORK, 'old-clients')
  await rm(work, { recursive: true, force: true })
  await mkdir(work, { recursive: true })
  const outcomes = join(work, 'outcomes.jsonl')
  await writeFile(outcomes, '')
  for (const [version, folder] of OLD_CLIENTS) {
    const environment = { ...clientOf(hub), HF_TOKEN: TESTER.token, SUITES_OUTCOMES: outcomes }
    const { code, output } = await runProgram(folder, [SCRIPT], work, environment)
    await writeFile(join(work, `${version}.txt`), output)
    if (code !== 0) throw new Error(`old_client.py ended with ${code}:\n${output.slice(-4000)}`)
  }
  return { title: 'old versions of huggingface_hub', outcomes: await readOutcomes(outcomes) }
}
