import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Hub } from '../hub.ts'
import { seedCrowd } from './crowd.ts'
import { readOutcomes, type SuiteRun } from './outcomes.ts'
import { SUITES_PYTHON, SUITES_SOURCE, SUITES_WORK } from './places.ts'
import { clientOf, runProgram } from './run-program.ts'
import { SEEDER } from './suite-hub.ts'

const OURS = join(import.meta.dirname, 'python')
const SEED = join(OURS, 'seed.py')

/** Tests that speak to a hub, and some that ought to pass wherever the client is. */
const FILES = [
  'test_hf_api',
  'test_file_download',
  'test_snapshot_download',
  'test_hf_file_system',
  'test_commit_scheduler',
  'test_repocard',
  'test_hub_mixin',
  'test_cli_discussions',
  'test_cache_layout',
  'test_cache_no_symlinks',
  'test_commit_api',
  'test_lfs',
  'test_tree_cache',
  'test_upload_pipeline',
  'test_utils_cache',
  'test_xet_upload',
  'test_xet_download',
  'test_xet_utils',
  'test_copy_files',
  'test_cli',
  'test_kernels',
  'test_buckets',
  'test_buckets_cli',
  'test_buckets_hf_file_system',
] as const

/** For each id or hash of huggingface.co that a test names, the one that stands for it on this hub. */
export type StandIns = Readonly<Record<string, string>>

/** Makes the repositories that stand for those of huggingface.co. */
export async function seed(hub: Hub): Promise<StandIns> {
  const { code, output } = await runProgram(SUITES_PYTHON, [SEED], SUITES_SOURCE, {
    ...clientOf(hub),
    HF_TOKEN: SEEDER.token,
  })
  if (code !== 0) throw new Error(`python/seed.py ended with ${code}:\n${output}`)
  return JSON.parse(output.trimEnd().split('\n').at(-1) ?? '')
}

/** Runs the tests of huggingface_hub against the hub; `only` names files, `args` goes to pytest. */
export async function runPython(
  hub: Hub,
  standIns: StandIns,
  way: { readonly title: string; readonly environment: Readonly<Record<string, string>> },
  choice: {
    readonly only: readonly string[]
    readonly args: readonly string[]
    readonly excluded: readonly string[]
  },
): Promise<SuiteRun> {
  const work = join(SUITES_WORK, way.title.replaceAll(' ', '-'))
  await rm(work, { recursive: true, force: true })
  await pointTests(hub, standIns, join(work, 'tests'))
  await mkdir(join(work, 'home'))
  await cp(join(OURS, 'pytest.ini'), join(work, 'pytest.ini'))

  const outcomes = join(work, 'outcomes.jsonl')
  await writeFile(outcomes, '')
  const files = FILES.filter(name => choice.only.length === 0 || choice.only.includes(name))
  if (files.length === 0) return { title: way.title, outcomes: [] }
  if (files.includes('test_hf_api')) await seedCrowd(hub, SEEDER)
  const { code, output } = await runProgram(
    SUITES_PYTHON,
    ['-m', 'pytest', ...files.map(name => `tests/${name}.py`), ...choice.args],
    work,
    {
      ...clientOf(hub),
      ...way.environment,
      HOME: join(work, 'home'),
      SUITES_OUTCOMES: outcomes,
      SUITES_EXCLUDED: choice.excluded.join('\n'),
    },
  )
  await writeFile(join(work, 'output.txt'), output)
  // 1: tests failed; 5: none were left to run.
  if (![0, 1, 5].includes(code)) throw new Error(`pytest ended with ${code}:\n${output.slice(-4000)}`)
  return { title: way.title, outcomes: await readOutcomes(outcomes) }
}

/** A copy of the tests that names this hub wherever they name a hub, with what the source distribution lacks. */
async function pointTests(hub: Hub, standIns: StandIns, folder: string): Promise<void> {
  await cp(join(SUITES_SOURCE, 'tests'), folder, { recursive: true })
  for (const name of await readdir(folder)) {
    if (!name.endsWith('.py')) continue
    let text = (await readFile(join(folder, name), 'utf8')).replaceAll(
      'https://hub-ci.huggingface.co',
      hub.url,
    )
    for (const [theirs, ours] of Object.entries(standIns)) text = text.replaceAll(theirs, ours)
    if (name === 'testing_constants.py') text = text.replace('"https://huggingface.co"', `"${hub.url}"`)
    await writeFile(join(folder, name), text)
  }
  await cp(join(OURS, 'conftest.py'), join(folder, 'conftest.py'))
  await writeFile(join(folder, '__init__.py'), '')
  await mkdir(join(folder, 'fixtures'))
  await cp(join(OURS, 'cards'), join(folder, 'fixtures/cards'), { recursive: true })
}
