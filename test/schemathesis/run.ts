import { spawn } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { keepSection } from '../client-suites/conformance.ts'
import { startHub } from '../hub.ts'
import { CACHE, ROOT } from '../setup/places.ts'
import { pythonEnvironment } from '../setup/python.ts'
import { ensure } from '../setup/step.ts'
import { seed } from './seed.ts'

/**
 * Asks a seeded hub what its own API document says that it answers: `node run.ts [ARGUMENTS FOR st run]`. Fails when
 * an answer is a 5xx, has a status or a type that the document does not name, or another shape. Without arguments the
 * counts go to docs/wire/conformance.md.
 */
const FOLDER = resolve(CACHE, 'schemathesis')
const PYTHON = join(FOLDER, 'python')
const CONFORMANCE = join(ROOT, 'docs/wire/conformance.md')

await ensure(
  pythonEnvironment({
    name: 'schemathesis',
    title: 'Schemathesis',
    folder: PYTHON,
    requirements: join(import.meta.dirname, 'requirements.txt'),
    modules: ['schemathesis'],
  }),
  line => console.log(line),
)
const given = process.argv.slice(2)
await mkdir(FOLDER, { recursive: true })
const hub = await startHub()
try {
  const { commit, sha256, xetHash } = await seed(hub)
  const { code, output } = await schemathesis({
    HUB_URL: hub.url,
    HF_TOKEN: hub.token,
    HUB_COMMIT: commit,
    HUB_LARGE_SHA256: sha256,
    HUB_XET_HASH: xetHash,
    SCHEMATHESIS_HOOKS: 'hooks',
    PYTHONPATH: import.meta.dirname,
  })
  if (given.length === 0) await keepSection(CONFORMANCE, 'schemathesis', summary(output))
  process.exitCode = code
} finally {
  await writeFile(join(FOLDER, 'hub.log'), await hub.wholeLog())
  await hub.stop()
}

async function schemathesis(environment: NodeJS.ProcessEnv): Promise<{ code: number; output: string }> {
  const program = join(PYTHON, 'bin/st')
  const child = spawn(
    program,
    [
      ...['--config-file', join(import.meta.dirname, 'schemathesis.toml')],
      'run',
      `${hub.url}/api/openapi.json`,
      ...['--phases', 'coverage,fuzzing', '--max-examples', '8'],
      ...['--max-time', '240', '--workers', '1', '--seed', '1', '--no-shrink', '--continue-on-failure'],
      ...['--request-timeout', '20', '--suppress-health-check', 'all', '--warnings', 'off', '--no-color'],
      ...given,
    ],
    {
      cwd: FOLDER,
      env: { PATH: process.env.PATH, HOME: FOLDER, ...environment },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  let output = ''
  child.stdout.on('data', (text: Buffer) => {
    output += text
    process.stdout.write(text)
  })
  const code = await new Promise<number>((settle, reject) => {
    child.on('error', reject)
    child.on('close', status => settle(status ?? -1))
  })
  return { code, output }
}

/** What it says at its end of how much it has asked. */
function summary(output: string): string {
  const number = (pattern: RegExp) => pattern.exec(output)?.[1] ?? '?'
  const [selected, tested] = [number(/Selected: (\d+)/), number(/Tested: (\d+)/)]
  const outcome = number(/Test cases:\s+(.+)/)
  return [
    '| operations of the document | asked | cases | found |',
    '| ---: | ---: | ---: | ---: |',
    `| ${selected} | ${tested} | ${number(/(\d+) generated/)} | ${/generated, \d+ passed/.test(outcome) ? 'nothing' : outcome} |`,
  ].join('\n')
}
