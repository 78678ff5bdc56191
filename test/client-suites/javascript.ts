import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startVitest } from 'vitest/node'
import type { Hub } from '../hub.ts'
import { ROOT } from '../setup/places.ts'
import { matches, type Outcome, type SuiteRun } from './outcomes.ts'
import { SUITES_WORK } from './places.ts'
import type { StandIns } from './python.ts'
import { BROWSER_USER } from './suite-hub.ts'

/** npm has unpacked the tests with the client. */
const PUBLISHED = join(ROOT, 'node_modules/@huggingface/hub')

/** Runs the tests of @huggingface/hub (src/lib) against the hub; `only` names files. */
export async function runJavaScript(
  hub: Hub,
  standIns: StandIns,
  choice: { readonly only: readonly string[]; readonly excluded: readonly string[] },
): Promise<SuiteRun> {
  const work = join(SUITES_WORK, 'javascript')
  await rm(work, { recursive: true, force: true })
  await cp(join(PUBLISHED, 'src'), join(work, 'src'), { recursive: true })
  await cp(join(PUBLISHED, 'package.json'), join(work, 'package.json'))
  await cp(join(PUBLISHED, 'tsconfig.json'), join(work, 'tsconfig.json'))
  const session = await signIn(hub)
  const tests = (await readdir(join(work, 'src/lib'))).filter(name => name.endsWith('.spec.ts'))
  for (const file of ['consts.ts', 'test/consts.ts', ...tests.map(name => `lib/${name}`)]) {
    let text = (await readFile(join(work, 'src', file), 'utf8'))
      .replaceAll('https://huggingface.co/gpt2/', `${hub.url}/openai-community/gpt2/`)
      .replaceAll(/https:\/\/(hub-ci\.)?huggingface\.co(?=["'`/])/g, hub.url)
      // Ours has another name, and goes with the header by which a browser says whose page sends the form.
      .replace(/Cookie: .token=.{TEST_COOKIE}./, `Cookie: '${session}', Origin: '${hub.url}'`)
    for (const [theirs, ours] of Object.entries(standIns)) text = text.replaceAll(theirs, ours)
    await writeFile(join(work, 'src', file), text)
  }

  const vitest = await startVitest('test', [...choice.only], {
    root: work,
    config: false,
    watch: false,
    include: ['src/lib/*.spec.ts'],
    testTimeout: 60_000,
    reporters: [{}],
  })
  const outcomes: Outcome[] = []
  for (const file of vitest.state.getTestModules()) {
    const name = file.moduleId.slice(join(work, 'src/lib/').length)
    if (file.errors().length > 0)
      outcomes.push({ id: name, outcome: 'failed', why: file.errors()[0]?.message ?? '' })
    for (const test of file.children.allTests()) {
      const id = `${name}::${test.fullName}`
      const { state, errors } = test.result()
      const isOut = state === 'skipped' || choice.excluded.some(pattern => matches(pattern, id))
      const why = errors?.[0]?.message.split('\n')[0]?.slice(0, 300)
      outcomes.push(
        isOut || state === 'passed' || state === 'pending'
          ? { id, outcome: isOut ? 'excluded' : 'passed' }
          : { id, outcome: 'failed', ...(why ? { why } : {}) },
      )
    }
  }
  await vitest.close()
  return { title: '@huggingface/hub', outcomes }
}

/** The cookie of a browser session. */
async function signIn(hub: Hub): Promise<string> {
  const answer = await fetch(`${hub.url}/api/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(BROWSER_USER),
  })
  if (!answer.ok) throw new Error(`POST /api/login answered ${answer.status}: ${await answer.text()}`)
  return answer.headers.get('set-cookie')?.split(';')[0] ?? ''
}
