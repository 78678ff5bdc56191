import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { ContentDigest, type DigestedBlock } from './content-digest.ts'
import type { DigestTask } from './digest-worker.ts'

/** A thread that has nothing to do ends after this time. */
const idleMs = 30_000

/** The digest of one upload, wherever it is made. */
export interface Digest {
  /**
   * `ContentDigest.push` of a block of shared memory, which belongs to it until the result settles. Blocks may be pushed before the
   * results of those before are there. Rejects when the thread has died: then this upload is over.
   */
  push(block: Uint8Array, filled: number, isLast: boolean): Promise<DigestedBlock>
  /** Once, at the end, come as it may. */
  close(): void
}

/**
 * Hashes off the event loop what is too long to be hashed at once, each job on one thread, because a sha256 goes on where it was. A
 * thread starts when there is a job for it, serves several when there are more than cores, and ends some time after its
 * last one. When one dies, its jobs fail and no others.
 */
export class DigestThreads {
  readonly #threads = new Set<DigestThread>()
  readonly #mostThreads: number

  constructor(mostThreads = availableParallelism()) {
    this.#mostThreads = mostThreads
  }

  /** Where the upload is so small that the way to a thread takes as long as the work, it stays on this one. */
  begin(isSmall: boolean): Digest {
    if (isSmall) return digestHere()
    const job = this.#leastBusy().begin()
    return {
      push: async (block, filled, isLast) =>
        (await job.run({ kind: 'content', block, filled, isLast })) as DigestedBlock,
      close: () => job.close(),
    }
  }

  /** As hex, of pieces that lie in shared memory and are good until the next one is asked for. */
  async sha256(pieces: AsyncIterable<Uint8Array>): Promise<string> {
    const job = this.#leastBusy().begin()
    try {
      for await (const bytes of pieces) await job.run({ kind: 'sha256', bytes })
      return (await job.run({ kind: 'sha256-end' })) as string
    } finally {
      job.close()
    }
  }

  #leastBusy(): DigestThread {
    const [thread] = [...this.#threads].sort((a, b) => a.jobs - b.jobs)
    if (thread && (thread.jobs === 0 || this.#threads.size >= this.#mostThreads)) return thread
    const started = new DigestThread(() => this.#threads.delete(started))
    this.#threads.add(started)
    return started
  }

  async close(): Promise<void> {
    await Promise.all([...this.#threads].map(thread => thread.end()))
  }
}

function digestHere(): Digest {
  const digest = new ContentDigest()
  return {
    push: async (block, filled, isLast) => digest.push(block, filled, isLast),
    close() {},
  }
}

type Work = DistributiveOmit<DigestTask, 'job'>
type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never

/** What one thread does for one upload or file. */
interface Job {
  run(work: Work): Promise<unknown>
  close(): void
}

class DigestThread {
  jobs = 0
  readonly #worker = new Worker(new URL('./digest-worker.ts', import.meta.url))
  /** Gives up its place among those that serve. */
  readonly #retire: () => void
  /** Work that is not answered yet, oldest first. */
  readonly #waiting: PromiseWithResolvers<unknown>[] = []
  #lastJob = 0
  #idle: NodeJS.Timeout | undefined
  #death: Error | undefined

  constructor(retire: () => void) {
    this.#retire = retire
    this.#worker.on('message', (answer: unknown) => this.#waiting.shift()?.resolve(answer))
    this.#worker.on('error', error => this.#die(error))
    this.#worker.on('exit', () => this.#die())
  }

  begin(): Job {
    clearTimeout(this.#idle)
    this.jobs++
    this.#worker.ref()
    const job = ++this.#lastJob
    return {
      run: async work => {
        if (this.#death) throw this.#death
        const answer = Promise.withResolvers<unknown>()
        this.#waiting.push(answer)
        this.#send({ ...work, job })
        return await answer.promise
      },
      close: () => {
        this.#send({ kind: 'forget', job })
        if (--this.jobs > 0) return
        this.#worker.unref()
        this.#idle = setTimeout(() => void this.end(), idleMs).unref()
      },
    }
  }

  async end(): Promise<void> {
    this.#retire()
    await this.#worker.terminate()
  }

  #send(task: DigestTask): void {
    this.#worker.postMessage(task)
  }

  #die(cause?: unknown): void {
    if (this.#death) return
    this.#retire()
    this.#death = new Error('the thread that digests uploads has ended', { cause })
    for (const { reject } of this.#waiting.splice(0)) reject(this.#death)
  }
}
