import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Clock } from '../kernel/clock.ts'
import { newId } from '../kernel/ids.ts'
import type { Database, Sql } from '../ports/database.ts'
import type { LeasedJob, NewJob, Queue } from '../ports/queue.ts'

type QueueTables = {
  jobs: {
    id: string
    name: string
    /** JSON. */
    payload: string
    key: string | null
    /** Hidden until then: when it may run first, when it may run again, or while it is leased when the lease lapses. */
    run_at: number
    /** Runs that have failed. */
    attempt: number
    /** Token of whoever runs it now, or ran it last and went silent. */
    lease: string | null
    /** Why the last run failed, or was postponed. */
    error: string | null
    /** Never runs again. */
    buried_at: number | null
  }
}

export const queueMigrations: Record<string, Migration> = {
  '0001_queue': {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable('jobs')
        .addColumn('id', 'text', column => column.notNull().primaryKey())
        .addColumn('name', 'text', column => column.notNull())
        .addColumn('payload', 'text', column => column.notNull())
        .addColumn('key', 'text')
        .addColumn('run_at', 'bigint', column => column.notNull())
        .addColumn('attempt', 'integer', column => column.notNull())
        .addColumn('lease', 'text')
        .addColumn('error', 'text')
        .addColumn('buried_at', 'bigint')
        .execute()
      await db.schema
        .createIndex('jobs_due')
        .on('jobs')
        .columns(['run_at', 'id'])
        .where(sql.ref('buried_at'), 'is', null)
        .execute()
      await db.schema
        .createIndex('jobs_waiting_key')
        .unique()
        .on('jobs')
        .columns(['name', 'key'])
        .where(sql<boolean>`lease is null and buried_at is null`)
        .execute()
    },
  },
}

/** Errors are for people: what does not fit is cut. */
const maxErrorLength = 10_000

/**
 * The queue in a table of the database of its causes. A lease is a token and a time in the row, so whoever dies
 * holding one loses nothing: the job shows again when the time has passed. The nodes' clocks must agree to well
 * within a lease.
 */
export class DatabaseQueue implements Queue {
  readonly #database: Database
  readonly #sql: Kysely<QueueTables>
  readonly #clock: Clock
  readonly #listeners = new Set<() => void>()

  constructor(database: Database, clock: Clock) {
    this.#database = database
    this.#sql = database.sql.withTables<QueueTables>()
    this.#clock = clock
  }

  async enqueue(tx: Sql, job: NewJob): Promise<void> {
    const payload = JSON.stringify(job.payload)
    if (payload === undefined) throw new TypeError(`the payload of job ${job.name} is not JSON`)
    const now = this.#clock()
    const runAt = job.runAt ?? now
    this.#database.afterCommit(() => {
      if (runAt <= now) this.#wake()
    })
    // Absorbing must be an update, if only of the time: its row lock keeps the waiting job from being run by another
    // node before this transaction, whose changes it must see, has committed.
    await tx
      .withTables<QueueTables>()
      .insertInto('jobs')
      .values({ id: newId(now), name: job.name, payload, key: job.key ?? null, run_at: runAt, attempt: 0 })
      .onConflict(conflict =>
        conflict
          .columns(['name', 'key'])
          .where('lease', 'is', null)
          .where('buried_at', 'is', null)
          .doUpdateSet(set => ({
            run_at: set
              .case()
              .when('excluded.run_at', '<', set.ref('jobs.run_at'))
              .then(set.ref('excluded.run_at'))
              .else(set.ref('jobs.run_at'))
              .end(),
          })),
      )
      .execute()
  }

  onEnqueued(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  async lease(names: readonly string[], leaseMs: number): Promise<LeasedJob | undefined> {
    if (names.length === 0) return undefined
    const now = this.#clock()
    const lease = newId(now)
    // One statement, so nobody comes between finding and taking: SQLite has one writer at a time, and PostgreSQL
    // steps over rows that another node is taking.
    const row = await this.#sql
      .updateTable('jobs')
      .set({ lease, run_at: now + leaseMs })
      .where('id', '=', from =>
        from
          .selectFrom('jobs')
          .select('id')
          .where('buried_at', 'is', null)
          .where('run_at', '<=', now)
          .where('name', 'in', names)
          .orderBy('run_at')
          .orderBy('id')
          .limit(1)
          .$if(this.#database.kind === 'postgres', query => query.forUpdate().skipLocked()),
      )
      .returning(['id', 'name', 'payload', 'attempt'])
      .executeTakeFirst()
    return row && { ...row, attempt: row.attempt + 1, payload: JSON.parse(row.payload), lease }
  }

  async extend(job: LeasedJob, leaseMs: number): Promise<boolean> {
    const result = await this.#leased(job)
      .set({ run_at: this.#clock() + leaseMs })
      .executeTakeFirst()
    return result.numUpdatedRows > 0n
  }

  async complete(job: LeasedJob): Promise<void> {
    await this.#sql.deleteFrom('jobs').where('id', '=', job.id).where('lease', '=', job.lease).execute()
  }

  async fail(job: LeasedJob, error: string, retryAt: number | undefined): Promise<void> {
    const failed = { error: storable(error), attempt: job.attempt }
    if (retryAt !== undefined) return await this.#putBack(job, { ...failed, run_at: retryAt })
    await this.#leased(job)
      .set({ ...failed, lease: null, buried_at: this.#clock() })
      .execute()
  }

  async postpone(job: LeasedJob, reason: string, retryAt: number): Promise<void> {
    await this.#putBack(job, { error: storable(reason), run_at: retryAt })
  }

  async #putBack(
    job: LeasedJob,
    changes: Partial<Pick<QueueTables['jobs'], 'error' | 'attempt' | 'run_at'>>,
  ): Promise<void> {
    try {
      await this.#leased(job)
        .set({ ...changes, lease: null })
        .execute()
    } catch (thrown) {
      if (!this.#database.isDuplicate(thrown)) throw thrown
      // A job of the same key was enqueued while this one ran. It will do this one's work too.
      await this.complete(job)
    }
  }

  async counts(): Promise<{ waiting: number; leased: number; buried: number }> {
    const now = this.#clock()
    return await this.#sql
      .selectFrom('jobs')
      .select(({ fn }) => [
        fn
          .countAll<number>()
          .filterWhere(({ and, or, eb }) =>
            and([eb('buried_at', 'is', null), or([eb('lease', 'is', null), eb('run_at', '<=', now)])]),
          )
          .as('waiting'),
        fn
          .countAll<number>()
          .filterWhere(({ and, eb }) =>
            and([eb('buried_at', 'is', null), eb('lease', 'is not', null), eb('run_at', '>', now)]),
          )
          .as('leased'),
        fn.countAll<number>().filterWhere('buried_at', 'is not', null).as('buried'),
      ])
      .executeTakeFirstOrThrow()
  }

  #leased(job: LeasedJob) {
    return this.#sql.updateTable('jobs').where('id', '=', job.id).where('lease', '=', job.lease)
  }

  #wake(): void {
    for (const listener of [...this.#listeners]) listener()
  }
}

function storable(error: string): string {
  return error.slice(0, maxErrorLength).toWellFormed().replaceAll('\0', '\uFFFD')
}
