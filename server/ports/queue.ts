import type { EventName, HubEvents } from '../kernel/events.ts'
import type { Sql } from './database.ts'

/** Work that follows from a change. Enqueued in the transaction of its cause; run at least once; handlers are idempotent. */
export interface Queue {
  /**
   * Inside the transaction `tx`. With `key`, a waiting job of the same name and key absorbs this one: it keeps its
   * payload, and runs at the earlier of the two times.
   */
  enqueue(tx: Sql, job: NewJob): Promise<void>
  /**
   * Calls `listener` after each commit, in this process, of a job that is due: a worker need not wait for its next
   * poll, which finds all others. Must not throw. Returns how to stop it.
   */
  onEnqueued(listener: () => void): () => void
  /** The oldest due job of one of `names`, hidden from others for `leaseMs`; undefined when none is due. */
  lease(names: readonly string[], leaseMs: number): Promise<LeasedJob | undefined>
  /** Keeps a long job hidden for `leaseMs` more from now. False when the lease was lost: stop working. */
  extend(job: LeasedJob, leaseMs: number): Promise<boolean>
  complete(job: LeasedJob): Promise<void>
  /** The job could not be tried: puts it back to run at `retryAt`, as if it had not been leased. */
  postpone(job: LeasedJob, reason: string, retryAt: number): Promise<void>
  /** Puts the job back to run at `retryAt`, or buries it (kept with its error, never run again) when undefined. */
  fail(job: LeasedJob, error: string, retryAt: number | undefined): Promise<void>
  /** For metrics. */
  counts(): Promise<{ waiting: number; leased: number; buried: number }>
}

export interface NewJob {
  name: string
  /** JSON. */
  payload: unknown
  /** Milliseconds since the epoch; now when absent. */
  runAt?: number
  key?: string
}

export interface LeasedJob {
  id: string
  name: string
  payload: unknown
  /** 1 until it has failed. A run that was postponed, or died, is none. */
  attempt: number
  /** Proves the lease; opaque. */
  lease: string
}

/** Tells projections and jobs what has happened, inside the transaction in which it happens. */
export type Emit = <Name extends EventName>(tx: Sql, name: Name, facts: HubEvents[Name]) => Promise<void>

/** A consequence: one job for one event. Built by a domain, listed in compose.ts. */
export interface JobHandler<Name extends EventName = EventName> {
  /** Stable: it is stored. `domain.verb-noun`. */
  readonly name: string
  readonly on: Name
  /** Waiting jobs of the same key are one. */
  readonly key?: (facts: HubEvents[Name]) => string
  /** Asked in the transaction of the cause: no job when it says no. */
  readonly when?: (tx: Sql) => Promise<boolean>
  /** Spends its time waiting for other machines, so it runs beside the hub's own work and never before it. */
  readonly waitsForOthers?: true
  run(facts: HubEvents[Name]): Promise<void>
}

/** A consequence that must be seen as soon as its cause: SQL in the same transaction, nothing else. */
export interface Projection<Name extends EventName = EventName> {
  readonly on: Name
  apply(tx: Sql, facts: HubEvents[Name]): Promise<void>
}
