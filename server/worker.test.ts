import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { openSqlite } from './drivers/database-sqlite.ts'
import { DatabaseQueue, queueMigrations } from './drivers/queue-database.ts'
import { StoreFull } from './kernel/storage-faults.ts'
import type { Database } from './ports/database.ts'
import type { JobHandler } from './ports/queue.ts'
import { Worker } from './worker.ts'

let folder: string
let database: Database
let queue: DatabaseQueue
let skew = 0
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'banyan-worker-'))
  database = await openSqlite(join(folder, 'hub.sqlite'))
  await database.migrate(queueMigrations)
  skew = 0
  // Nothing waits for its time: the queue is far ahead of the worker.
  queue = new DatabaseQueue(database, () => Date.now() + skew)
})
afterEach(async () => {
  await database.close()
  await rm(folder, { recursive: true })
})

const faults: [string, () => Error][] = [
  ['a full disk that a driver tells of', () => new StoreFull()],
  ['a full disk', () => Object.assign(new Error('write'), { code: 'ENOSPC' })],
  ['a disk that gives errors', () => Object.assign(new Error('read'), { code: 'EIO' })],
  ['a full disk of PostgreSQL', () => Object.assign(new Error('insert'), { code: '53100' })],
]

it.each(faults)('%s costs a job no attempt, however long it lasts', async (_, thrown) => {
  const runs = await runUntil(10, thrown)
  expect(runs).toBe(10)
  expect(await queue.counts()).toEqual({ waiting: 0, leased: 0, buried: 0 })
})

it('a job that fails by itself is buried after its last attempt', async () => {
  expect(await runUntil(10, () => new Error('of its own'))).toBe(6)
  expect(await queue.counts()).toEqual({ waiting: 0, leased: 0, buried: 1 })
})

/** Runs a job that throws until its last run. Returns how often it ran in the end. */
async function runUntil(last: number, thrown: () => Error): Promise<number> {
  let runs = 0
  const handler = {
    name: 'work',
    async run() {
      runs++
      // What is put back is due at once.
      skew += 24 * 3600 * 1000
      if (runs < last) throw thrown()
    },
  } as unknown as JobHandler
  await database.transaction(tx => queue.enqueue(tx, { name: 'work', payload: 1 }))
  const worker = new Worker({ queue, handlers: [handler], log: pino({ level: 'silent' }) })
  worker.start(1)
  await vi.waitFor(async () => {
    const { waiting, leased } = await queue.counts()
    expect(waiting + leased).toBe(0)
  }, 10_000)
  await worker.stop()
  return runs
}
