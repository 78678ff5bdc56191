import { mkdir, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { keepSection } from '../client-suites/conformance.ts'
import { clientOf, runProgram } from '../client-suites/run-program.ts'
import { startHub } from '../hub.ts'
import { CACHE, ROOT } from '../setup/places.ts'
import { pythonEnvironment } from '../setup/python.ts'
import { ensure } from '../setup/step.ts'

/** transformers, datasets and peft with torch against a hub, as people use them: `node run.ts`. */
const PYTHON = resolve(CACHE, 'heavy/python')
const WORK = resolve(CACHE, 'heavy/work')

interface Outcome {
  readonly flow: string
  readonly seconds: number
  readonly passed: boolean
  /** What was seen, or the traceback. */
  readonly said: string
}

await ensure(
  pythonEnvironment({
    name: 'heavy-python',
    title: 'torch, transformers, datasets and peft (3 GB)',
    folder: PYTHON,
    requirements: join(import.meta.dirname, 'requirements.txt'),
    modules: ['torch', 'transformers', 'datasets', 'peft'],
  }),
  line => console.log(line),
)
await rm(WORK, { recursive: true, force: true })
await mkdir(WORK, { recursive: true })
const hub = await startHub()
try {
  const { code, output } = await runProgram(PYTHON, [join(import.meta.dirname, 'flows.py')], WORK, {
    ...clientOf(hub),
    HF_TOKEN: hub.token,
  })
  const outcomes = output
    .split('\n')
    .filter(line => line.startsWith('{"flow"'))
    .map(line => JSON.parse(line) as Outcome)
  for (const { flow, passed, said } of outcomes)
    console.log(`${passed ? 'passed' : 'FAILED'} ${flow}: ${said}`)
  const failed = outcomes.filter(({ passed }) => !passed).length
  console.log(`${outcomes.length - failed} passed, ${failed} failed`)
  if (code !== 0 || outcomes.length === 0)
    throw new Error(`flows.py ended with ${code}:\n${output.slice(-4000)}`)
  await keepSection(join(ROOT, 'docs/wire/conformance.md'), 'test-heavy', table(outcomes))
  process.exitCode = failed > 0 ? 1 : 0
} finally {
  await hub.stop()
}

function table(outcomes: readonly Outcome[]): string {
  const lines = outcomes.map(
    ({ flow, passed, said }) =>
      `| ${flow.replaceAll('_', ' ')} | ${passed ? `passed: ${said}` : `failed: ${said.trim().split('\n').at(-1)}`} |`,
  )
  return ['| flow | seen |', '| --- | --- |', ...lines].join('\n')
}
