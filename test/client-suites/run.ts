import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Hub } from '../hub.ts'
import { ROOT } from '../setup/places.ts'
import { ensure } from '../setup/step.ts'
import { keepSection, tables } from './conformance.ts'
import { fetchOldClients, fetchSteps } from './fetch.ts'
import { runJavaScript } from './javascript.ts'
import { runOldClients } from './old-clients.ts'
import { matches, readKnownDifferences, readPatterns, type SuiteRun } from './outcomes.ts'
import { runPython, type StandIns, seed } from './python.ts'
import { startSuiteHub } from './suite-hub.ts'

/**
 * Runs the clients' own test suites against a hub: `node run.ts [--only FILE]… [-- PYTEST ARGUMENTS]`. Fails when a test
 * fails that docs/wire/known-differences.md does not list, and when one that it lists has passed.
 */
const KNOWN = join(ROOT, 'docs/wire/known-differences.md')
const CONFORMANCE = join(ROOT, 'docs/wire/conformance.md')
const WAYS = [
  { title: 'with Xet', environment: {} },
  { title: 'without Xet', environment: { HF_HUB_DISABLE_XET: '1' } },
]

const { values, positionals: args } = parseArgs({
  options: { only: { type: 'string', multiple: true, default: [] } },
  allowPositionals: true,
})
const isWhole = values.only.length === 0 && args.length === 0
const excluded = await readPatterns(join(import.meta.dirname, 'excluded.txt'))
const known = await readKnownDifferences(KNOWN)
for (const step of fetchSteps) await ensure(step, line => console.log(line))

const choice = { only: values.only, args, excluded }
/** Each run has a hub of its own: a test may count on two lists in a row being the same. */
const onSeededHub = async (run: (hub: Hub, standIns: StandIns) => Promise<SuiteRun>) => {
  const hub = await startSuiteHub()
  try {
    return await run(hub, await seed(hub))
  } finally {
    await hub.stop()
  }
}
const runs = await Promise.all(
  WAYS.map(way => onSeededHub((hub, standIns) => runPython(hub, standIns, way, choice))),
)
if (args.length === 0) runs.push(await onSeededHub((hub, standIns) => runJavaScript(hub, standIns, choice)))
if (isWhole || values.only.includes('old-clients')) {
  for (const step of fetchOldClients) await ensure(step, line => console.log(line))
  runs.push(await onSeededHub(runOldClients))
}

console.log(tables(runs))
let wrong = 0
for (const { title, outcomes } of runs) {
  const listed = known.filter(({ way }) => way === undefined || way === title).map(({ id }) => id)
  for (const { id, outcome, why } of outcomes) {
    const isListed = listed.some(pattern => matches(pattern, id))
    if (outcome === 'failed' && !isListed) console.log(`${title}: ${id} fails: ${why}`)
    else if (outcome === 'passed' && isListed)
      console.log(`${title}: ${id} passes; ${KNOWN} says that it fails`)
    else continue
    wrong += 1
  }
}
if (isWhole) await keepSection(CONFORMANCE, 'client-suites', tables(runs))
const count = (wanted: string) =>
  runs.flatMap(run => run.outcomes).filter(({ outcome }) => outcome === wanted).length
console.log(`${count('passed')} passed, ${count('failed')} failed`)
process.exitCode = wrong > 0 || count('passed') === 0 ? 1 : 0
