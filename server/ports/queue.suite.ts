import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Clock } from '../kernel/clock.ts'
import type { Database } from './database.ts'
import type { LeasedJob, NewJob, Queue } from './queue.ts'

export interface QueueNode {
  readonly database: Database
  readonly queue: Queue
}

/**
 * What every queue does alike. `create` makes a new, empty store, migrated, and gives how to open it: each call as
 * another process would.
 */
export function queueSuite(name: string, create: () => Promise<(clock: Clock) => Promise<QueueNode>>): void {
  describe(`${name} as a queue`, () => {
    const start = 1_700_000_000_000
    let now: number
    let opened: Database[]
    let again: () => Promise<QueueNode>
    let database: Database
    let queue: Queue

    beforeEach(async () => {
      now = start
      opened = []
      const open = await create()
      again = async () => {
        const node = await open(() => now)
        opened.push(node.database)
        return node
      }
      ;({ database, queue } = await again())
    })

    afterEach(async () => {
      await Promise.all(opened.map(one => one.close()))
    })

    const enqueue = (...jobs: NewJob[]) =>
      database.transaction(async tx => {
        for (const job of jobs) await queue.enqueue(tx, job)
      })
    const lease = (one = queue) => one.lease(['work', 'other'], 1000)
    const mustLease = async (): Promise<LeasedJob> => {
      const job = await lease()
      if (!job) throw new Error('no job was due')
      return job
    }
    /** Payloads of all that is due now, in the order in which they come. */
    const drain = async () => {
      const payloads: unknown[] = []
      for (let job = await lease(); job; job = await lease()) {
        payloads.push(job.payload)
        await queue.complete(job)
      }
      return payloads
    }

    describe('enqueue', () => {
      it('gives the job with its payload, on its first attempt', async () => {
        const payload = { repo: '榕树/🌳', list: [1, null, { deep: true }], nul: 'a\0b', half: '\ud83d' }
        await enqueue({ name: 'work', payload })
        expect(await lease()).toEqual({
          id: expect.stringMatching(/^[0-9a-f]{24}$/),
          name: 'work',
          payload,
          attempt: 1,
          lease: expect.any(String),
        })
        expect(await lease()).toBeUndefined()
      })

      it('keeps nothing of a transaction that rolls back', async () => {
        const attempt = database.transaction(async tx => {
          await queue.enqueue(tx, { name: 'work', payload: 1 })
          throw new Error('no')
        })
        await expect(attempt).rejects.toThrow('no')
        expect(await lease()).toBeUndefined()
        expect(await queue.counts()).toEqual({ waiting: 0, leased: 0, buried: 0 })
      })

      it('refuses what is not JSON, and what is not in a transaction', async () => {
        await expect(enqueue({ name: 'work', payload: undefined })).rejects.toThrow(TypeError)
        await expect(queue.enqueue(database.sql, { name: 'work', payload: 1 })).rejects.toThrow('transaction')
        expect(await lease()).toBeUndefined()
      })

      it('takes a name and a payload that look like SQL', async () => {
        await enqueue({ name: 'work', payload: "'; drop table jobs --", key: '"\'' })
        expect(await drain()).toEqual(["'; drop table jobs --"])
      })
    })

    describe('lease', () => {
      it('gives the oldest due job first, and none before its time', async () => {
        await enqueue(
          { name: 'work', payload: 'later', runAt: start + 500 },
          { name: 'work', payload: 'second', runAt: start - 1 },
          { name: 'other', payload: 'first', runAt: start - 2 },
          { name: 'work', payload: 'third' },
        )
        expect(await drain()).toEqual(['first', 'second', 'third'])
        now += 499
        expect(await drain()).toEqual([])
        now += 1
        expect(await drain()).toEqual(['later'])
      })

      it('gives only the names that it is asked for', async () => {
        await enqueue({ name: 'work', payload: 1 }, { name: 'other', payload: 2 })
        expect(await queue.lease([], 1000)).toBeUndefined()
        expect(await queue.lease(['unknown', 'wor', 'WORK'], 1000)).toBeUndefined()
        expect((await queue.lease(['other'], 1000))?.payload).toBe(2)
        expect(await queue.lease(['other'], 1000)).toBeUndefined()
        expect((await queue.lease(['other', 'work'], 1000))?.payload).toBe(1)
      })

      it('hides the job until it lapses, and then gives it to another', async () => {
        await enqueue({ name: 'work', payload: 1 })
        const first = await mustLease()
        now += 999
        expect(await lease()).toBeUndefined()
        now += 1
        const second = await mustLease()
        expect(second).toMatchObject({ id: first.id, attempt: 1, payload: 1 })
        expect(second.lease).not.toBe(first.lease)

        // The first worker wakes up: nothing that it says counts.
        expect(await queue.extend(first, 60_000)).toBe(false)
        await queue.complete(first)
        await queue.fail(first, 'late', undefined)
        await queue.fail(first, 'late', now)
        expect(await queue.counts()).toEqual({ waiting: 0, leased: 1, buried: 0 })
        expect(await lease()).toBeUndefined()
        now += 1000
        expect((await mustLease()).attempt).toBe(1)
      })

      it('gives each job to one of many workers on several nodes', async () => {
        const jobs = Array.from({ length: 60 }, (_, i) => ({ name: i % 2 ? 'work' : 'other', payload: i }))
        await enqueue(...jobs)
        const nodes = [queue, (await again()).queue, (await again()).queue]
        const given: unknown[] = []
        const worker = async (one: Queue) => {
          for (let job = await lease(one); job; job = await lease(one)) {
            given.push(job.payload)
            await one.complete(job)
          }
        }
        // PostgreSQL may step over a row that is just being taken, so a worker may stop early; not all do.
        await Promise.all(Array.from({ length: 9 }, (_, i) => worker(nodes[i % 3]!)))
        expect(given.sort((a, b) => Number(a) - Number(b))).toEqual(jobs.map(job => job.payload))
        expect(await queue.counts()).toEqual({ waiting: 0, leased: 0, buried: 0 })
      })
    })

    describe('extend', () => {
      it('keeps the job hidden from now on', async () => {
        await enqueue({ name: 'work', payload: 1 })
        const job = await mustLease()
        now += 900
        expect(await queue.extend(job, 1000)).toBe(true)
        now += 999
        expect(await lease()).toBeUndefined()
        expect(await queue.counts()).toEqual({ waiting: 0, leased: 1, buried: 0 })
        now += 1
        // A worker that has died has not failed.
        expect(await lease()).toMatchObject({ id: job.id, attempt: 1 })
      })

      it('says that a job that is done is lost', async () => {
        await enqueue({ name: 'work', payload: 1 })
        const job = await mustLease()
        await queue.complete(job)
        expect(await queue.extend(job, 1000)).toBe(false)
      })
    })

    describe('complete, postpone and fail', () => {
      it('complete removes the job', async () => {
        await enqueue({ name: 'work', payload: 1 })
        await queue.complete(await mustLease())
        now += 1_000_000
        expect(await lease()).toBeUndefined()
        expect(await queue.counts()).toEqual({ waiting: 0, leased: 0, buried: 0 })
      })

      it('fail with a time runs it again then', async () => {
        await enqueue({ name: 'work', payload: 1 })
        await queue.fail(await mustLease(), 'no luck', start + 5000)
        expect(await queue.counts()).toEqual({ waiting: 1, leased: 0, buried: 0 })
        now = start + 4999
        expect(await lease()).toBeUndefined()
        now = start + 5000
        expect(await mustLease()).toMatchObject({ attempt: 2, payload: 1 })
      })

      it('postpone runs it again then, and counts no attempt', async () => {
        await enqueue({ name: 'work', payload: 1 })
        await queue.fail(await mustLease(), 'no luck', start)
        for (let i = 0; i < 20; i++) {
          const job = await mustLease()
          expect(job.attempt).toBe(2)
          await queue.postpone(job, 'the disk is full', now + 5000)
          expect(await queue.counts()).toEqual({ waiting: 1, leased: 0, buried: 0 })
          now += 4999
          expect(await lease()).toBeUndefined()
          now += 1
        }
        // Who has lost the lease postpones nothing.
        const lost = await mustLease()
        now += 1000
        const job = await mustLease()
        await queue.postpone(lost, 'late', now + 9999)
        await queue.complete(job)
        expect(await queue.counts()).toEqual({ waiting: 0, leased: 0, buried: 0 })
      })

      it('postpone leaves a job to the one of its key that waits already', async () => {
        await enqueue({ name: 'work', payload: 1, key: 'k' })
        const running = await mustLease()
        await enqueue({ name: 'work', payload: 2, key: 'k' })
        await queue.postpone(running, 'the disk is full', start + 10)
        expect(await drain()).toEqual([2])
        now += 1_000_000
        expect(await drain()).toEqual([])
      })

      it('fail without a time buries it', async () => {
        await enqueue({ name: 'work', payload: 1, key: 'k' })
        await queue.fail(await mustLease(), 'hopeless', undefined)
        now += 1_000_000
        expect(await lease()).toBeUndefined()
        expect(await queue.counts()).toEqual({ waiting: 0, leased: 0, buried: 1 })
        // A buried job does not stand in for a new one.
        await enqueue({ name: 'work', payload: 2, key: 'k' })
        expect(await drain()).toEqual([2])
      })

      it('fail takes any text, however long or broken', async () => {
        for (const error of ['', 'a\0b', `half ${'\ud83d'}`, '🌳'.repeat(100_000)]) {
          await enqueue({ name: 'work', payload: 1 })
          await queue.fail(await mustLease(), error, now)
          await queue.fail(await mustLease(), error, undefined)
        }
        expect(await queue.counts()).toEqual({ waiting: 0, leased: 0, buried: 4 })
      })
    })

    describe('a key', () => {
      it('makes waiting jobs of one name one, at the earliest time', async () => {
        await enqueue({ name: 'work', payload: 1, key: 'k', runAt: start + 100 })
        await enqueue({ name: 'work', payload: 2, key: 'k', runAt: start + 50 })
        await enqueue({ name: 'work', payload: 3, key: 'k', runAt: start + 200 })
        expect(await queue.counts()).toEqual({ waiting: 1, leased: 0, buried: 0 })
        now = start + 49
        expect(await drain()).toEqual([])
        now = start + 50
        expect(await drain()).toEqual([1])
        now = start + 1000
        expect(await drain()).toEqual([])
      })

      it('keeps apart other keys, other names, and jobs without one', async () => {
        await enqueue(
          { name: 'work', payload: 1, key: 'a' },
          { name: 'work', payload: 2, key: 'A' },
          { name: 'other', payload: 3, key: 'a' },
          { name: 'work', payload: 4 },
          { name: 'work', payload: 5 },
        )
        expect((await drain()).toSorted()).toEqual([1, 2, 3, 4, 5])
      })

      it('is free again while the job runs, since that one may have read the old state', async () => {
        await enqueue({ name: 'work', payload: 1, key: 'k' })
        const running = await mustLease()
        await enqueue({ name: 'work', payload: 2, key: 'k' })
        await enqueue({ name: 'work', payload: 3, key: 'k' })
        expect(await queue.counts()).toEqual({ waiting: 1, leased: 1, buried: 0 })
        expect(await drain()).toEqual([2])
        await queue.complete(running)
        expect(await queue.counts()).toEqual({ waiting: 0, leased: 0, buried: 0 })
      })

      it('leaves a job that fails to the one that waits already', async () => {
        await enqueue({ name: 'work', payload: 1, key: 'k' })
        const running = await mustLease()
        await enqueue({ name: 'work', payload: 2, key: 'k' })
        await queue.fail(running, 'again', start + 10)
        expect(await queue.counts()).toEqual({ waiting: 1, leased: 0, buried: 0 })
        expect(await drain()).toEqual([2])
        now += 1_000_000
        expect(await drain()).toEqual([])
      })

      it('of many transactions at once leaves one job', async () => {
        const nodes = [{ database, queue }, await again()]
        await Promise.all(
          Array.from({ length: 20 }, (_, i) => {
            const node = nodes[i % 2]!
            return node.database.transaction(tx =>
              node.queue.enqueue(tx, { name: 'work', payload: i, key: 'k' }),
            )
          }),
        )
        expect(await drain()).toHaveLength(1)
      })

      it('never has the absorbing job run before the change that it must see is there', async () => {
        const other = await again()
        await enqueue({ name: 'work', payload: 1, key: 'k' })
        let isCommitted = false
        const change = database.transaction(async tx => {
          await queue.enqueue(tx, { name: 'work', payload: 2, key: 'k' })
          await sleep(300)
          isCommitted = true
        })
        await sleep(50)
        for (let i = 0; i < 5; i++) {
          const job = await lease(other.queue)
          if (!job) continue
          expect(isCommitted).toBe(true)
          await other.queue.complete(job)
        }
        await change
        await drain()
        expect(await queue.counts()).toEqual({ waiting: 0, leased: 0, buried: 0 })
      })
    })

    describe('onEnqueued', () => {
      it('wakes once the job can be leased', async () => {
        const leased = new Promise(resolve => {
          queue.onEnqueued(() => resolve(lease()))
        })
        await enqueue({ name: 'work', payload: 1 })
        expect(await leased).toMatchObject({ payload: 1 })
      })

      it('wakes for a job that a waiting one has absorbed', async () => {
        await enqueue({ name: 'work', payload: 1, key: 'k', runAt: start + 60_000 })
        const leased = new Promise(resolve => {
          queue.onEnqueued(() => resolve(lease()))
        })
        await enqueue({ name: 'work', payload: 2, key: 'k' })
        expect(await leased).toMatchObject({ payload: 1 })
      })

      it('stays silent for rollbacks, for jobs of later, and when it is stopped', async () => {
        const listener = vi.fn()
        const stop = queue.onEnqueued(listener)
        const rolledBack = database.transaction(async tx => {
          await queue.enqueue(tx, { name: 'work', payload: 1 })
          throw new Error('no')
        })
        await rolledBack.catch(() => {})
        await enqueue({ name: 'work', payload: 1, runAt: now + 1 })
        await sleep(10)
        expect(listener).not.toHaveBeenCalled()
        stop()
        await enqueue({ name: 'work', payload: 1 })
        await sleep(10)
        expect(listener).not.toHaveBeenCalled()
      })
    })
  })
}
