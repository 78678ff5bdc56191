import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Machine, newMachine } from '../clients/run.ts'
import { FaultPoints, type MortalHub, openMortalHub, runTask, type Task } from './mortal-hub.ts'
import { type Operation, operations, type Place, repo } from './operations.ts'
import { random, seed } from './seed.ts'

/**
 * Every write is cut off between each two of its effects, and after the last one before its answer. The hub starts again
 * on what is there: what was acknowledged is whole, what was not is whole or absent, fsck finds nothing broken, and the
 * same write, done again, succeeds.
 *
 * The death is an exception that no effect survives, in this process; some are a real SIGKILL of another one. `make test`
 * takes some of the moments by chance; BANYAN_FAULT_POINTS=all takes every one, both ways. BANYAN_FAULT_SEED repeats the
 * choice.
 */
const isThorough = process.env.BANYAN_FAULT_POINTS === 'all'
const killShare = isThorough ? 1 : 0.08
/** A process that dies loses nothing that it has written, so a disk would only cost time. */
const memory = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

vi.setConfig({ testTimeout: isThorough ? 1_800_000 : 120_000 })

const token = `hf_${'AdaOwnsWhatTheTestsMake'.padEnd(34, '0')}`
let data: string
let machine: Machine
beforeAll(async () => {
  machine = await newMachine('http://127.0.0.1:1', token)
})
beforeEach(async () => {
  data = await mkdtemp(join(memory, 'banyan-mortal-'))
  await alive(async ({ hub }) => {
    await hub?.accounts.addUser({ name: 'ada', token: { value: token, name: 'tests', role: 'write' } })
  })
  await alive(async ({ url }) => {
    await fetch(`${url}/api/repos/create`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ name: repo.split('/')[1] }),
    })
  })
})
afterEach(() => rm(data, { recursive: true, force: true }))
afterAll(() => console.log(`faults: ${deaths} deaths, and ${kills} by SIGKILL`))
let deaths = 0
let kills = 0

/** Does something to a hub in this process, which then ends in order. */
async function alive<T>(work: (place: Place) => Promise<T>, points = new FaultPoints()): Promise<T> {
  const hub = await openMortalHub(data, points)
  const app = hub.createApp()
  try {
    const url = await app.listen({ host: '127.0.0.1', port: 0 })
    return await work({ url, token, machine, hub, runTask: task => runTask(hub, task).then(() => true) })
  } finally {
    await app.close()
    await hub.close()
  }
}

/** A hub, or a task, in a process of its own, which kills itself at `dieAt`. */
function startMortal(dieAt: number, task?: Task) {
  const script = join(import.meta.dirname, 'mortal-process.ts')
  const args = [script, data, String(dieAt), ...(task ? [JSON.stringify(task)] : [])]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise<string | number>(settle =>
    child.once('exit', (code, signal) => settle(code ?? signal ?? '')),
  )
  const address = new Promise<string>(settle =>
    child.stdout.once('data', (text: Buffer) => settle(String(text).trim())),
  )
  return { child, ended, address }
}

/** Runs it on a hub that is really killed. */
async function runKilled(operation: Operation, n: number, dieAt: number): Promise<boolean> {
  const runTask = async (task: Task) => (await startMortal(dieAt, task).ended) === 0
  if (operation.isTask) return await operation.run({ url: '', token, machine, runTask }, n)
  const { child, ended, address } = startMortal(dieAt)
  const url = await Promise.race([address, ended])
  if (typeof url !== 'string' || !url.startsWith('http'))
    throw new Error(`the hub ended at its start: ${url}`)
  const isDone = await runOn({ url, token, machine, runTask }, operation, n)
  child.kill('SIGKILL')
  await ended
  return isDone
}

const runOn = (place: Place, operation: Operation, n: number) => operation.run(place, n).catch(() => false)

async function expectWhole(hub: MortalHub | undefined): Promise<void> {
  const faults: string[] = []
  const report = {
    finding: ({ severity, subject, words }: { severity: string; subject: string; words: string }) => {
      if (severity === 'error') faults.push(`${subject}: ${words}`)
    },
    progress() {},
  }
  if (!hub) throw new Error('fsck runs in this process')
  const damaged = await hub.blobs.check({ deep: true }, report)
  await hub.repos.check({ deep: true, damaged }, report)
  expect(faults).toEqual([])
}

/** Looks at what a death has left of run `n`, does it again, and gets ready for the next. */
async function examine(operation: Operation, n: number, wasAcknowledged: boolean): Promise<void> {
  await alive(async place => {
    await expectWhole(place.hub)
    const found = await operation.find(place, n)
    if (wasAcknowledged) expect(found).toBe('whole')
    expect(await operation.run(place, n)).toBe(true)
    expect(await operation.find(place, n)).toBe('whole')
    await operation.prepare?.(place, n + 1)
  })
}

describe(`a death at every moment of (seed ${seed})`, () => {
  it.each(operations)('$name', async operation => {
    await alive(async place => operation.prepare?.(place, 1))
    let n = 1
    const step = operation.moments === 'many' ? 20 : 5
    for (let moment = 1; ; moment += isThorough ? 1 : 1 + Math.floor(random() * step)) {
      const points = new FaultPoints(moment)
      const isDone = await alive(place => runOn(place, operation, n), points)
      if (!points.isDead) {
        expect(isDone).toBe(true)
        // Less would mean that the operation does not go by the seam.
        expect(points.count).toBeGreaterThanOrEqual(3)
        return
      }
      await examine(operation, n++, isDone)
      deaths++
      if (operation.inProcessOnly || random() >= killShare) continue
      const isKilled = await runKilled(operation, n, moment)
      await examine(operation, n++, isKilled)
      kills++
    }
  })
})
