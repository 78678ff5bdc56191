import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { StorageFault, storageFault } from './kernel/storage-faults.ts'
import type { JobHandler, LeasedJob, Queue } from './ports/queue.ts'

const leaseMs = 60_000
/** How long an idle worker sleeps; a job enqueued in this process wakes it at once. */
const idleMs = 1_000
/** How long a job waits that could not run for what the disk did. */
const storageWaitMs = 30_000
/** Seconds until a failed job runs again; after the last one it is buried and waits for a person. */
const retryAfterSeconds = [1, 10, 60, 600, 3600]

/** Runs jobs until stopped, `concurrency` at a time. */
export class Worker {
  readonly #queue: Queue
  readonly #handlers: ReadonlyMap<string, JobHandler>
  readonly #log: Logger
  #running: Promise<unknown> = Promise.resolve()
  #isStopped = false
  /** Aborted, and replaced, when there is a reason to look at the queue. */
  #wake = new AbortController()

  constructor(parts: { queue: Queue; handlers: readonly JobHandler[]; log: Logger }) {
    this.#queue = parts.queue
    this.#handlers = new Map(parts.handlers.map(handler => [handler.name, handler]))
    this.#log = parts.log
  }

  start(concurrency: number): void {
    this.#queue.onEnqueued(() => this.#wakeUp())
    this.#running = Promise.all(Array.from({ length: concurrency }, () => this.#loop()))
  }

  /** Takes no new job and waits for those that run. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#wakeUp()
    await this.#running
  }

  async #loop(): Promise<void> {
    const names = [...this.#handlers.keys()]
    while (!this.#isStopped) {
      // Taken before the look at the queue: what is enqueued after it is not missed.
      const { signal } = this.#wake
      try {
        const job = await this.#queue.lease(names, leaseMs)
        if (job) await this.#run(job)
        else await idle(signal)
      } catch (error) {
        // The database is away; the job, if there was one, shows again when its lease is over.
        this.#log.error({ err: error }, 'the job queue does not answer')
        await idle(signal)
      }
    }
  }

  async #run(job: LeasedJob): Promise<void> {
    const handler = this.#handlers.get(job.name) as JobHandler
    const renewal = setInterval(() => {
      this.#queue
        .extend(job, leaseMs)
        .catch(error => this.#log.warn({ err: error, job: job.name }, 'lease not renewed'))
    }, leaseMs / 3)
    try {
      await handler.run(job.payload as never)
      await this.#queue.complete(job)
    } catch (error) {
      const fault = storageFault(error)
      if (fault instanceof StorageFault) {
        const retryAt = Date.now() + storageWaitMs
        this.#log.warn({ err: error, job: job.name, retryAt }, 'job postponed: the disk does not serve')
        return await this.#queue.postpone(job, fault.message, retryAt)
      }
      const wait = retryAfterSeconds[job.attempt - 1]
      const retryAt = wait === undefined ? undefined : Date.now() + wait * 1000
      this.#log.error({ err: error, job: job.name, attempt: job.attempt, retryAt }, 'job failed')
      await this.#queue.fail(job, String((error as Error).stack ?? error), retryAt)
    } finally {
      clearInterval(renewal)
    }
  }

  #wakeUp(): void {
    this.#wake.abort()
    this.#wake = new AbortController()
  }
}

async function idle(signal: AbortSignal): Promise<void> {
  await sleep(idleMs, undefined, { signal }).catch(() => {})
}
