import { modelInputs } from './inputs.ts'
import { ensureProgram } from './programs.ts'
import { pythonClients } from './python.ts'
import { ensure, SetupFailed } from './step.ts'

/** Brings everything that the client tests need. What cannot be had is a loud failure, never a skipped test. */
const TASKS: readonly ((say: (line: string) => void) => Promise<void>)[] = [
  async say =>
    say(await ensureProgram({ name: 'git', version: ['--version'], package: 'git', standalone: false })),
  async say =>
    say(await ensureProgram({ name: 'curl', version: ['--version'], package: 'curl', standalone: false })),
  async say =>
    say(await ensureProgram({ name: 'wget', version: ['--version'], package: 'wget', standalone: false })),
  async say =>
    say(
      await ensureProgram({ name: 'git-lfs', version: ['--version'], package: 'git-lfs', standalone: true }),
    ),
  say => ensure(pythonClients, say),
  say => ensure(modelInputs, say),
]

try {
  for (const [at, task] of TASKS.entries()) {
    await task(line => console.log(`[${at + 1}/${TASKS.length}] ${line.slice(0, 110)}`))
  }
} catch (error) {
  if (!(error instanceof SetupFailed)) throw error
  console.error(`\nSet-up failed. ${error.message}`)
  process.exitCode = 1
}
