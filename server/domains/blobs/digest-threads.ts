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
 * Digests uploads off the event loop, each on one thread, because a sha256 goes on where it was. A thread starts when there is an
 * upload for it, serves several when there are more uploads than cores, and ends some time after its last one. When one
 * dies, its uploads fail and no others.
 */
export class DigestThreads {
  readonly #threads = new Set<DigestThread>()
  readonly #mostThreads: number

  constructor(mostThreads = availableParallelism()) {
    this.#mostThreads = mostThreads
  }

  /** Where the file is so small that the way to a thread takes as long as the work, it stays on this one. */
  begin(isSmall: boolean): Digest {
    return isSmall ? digestHere() : this.#leastBusy().begin()
  }

  #leastBusy(): DigestThread {
    const [thread] = [...this.#threads].sort((a, b) => a.uploads - b.uploads)
    if (thread && (thread.uploads === 0 || this.#threads.size >= this.#mostThreads)) return thread
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

class DigestThread {
  uploads = 0
  readonly #worker = new Worker(new URL('./digest-worker.ts', import.meta.url))
  /** Gives up its place among those that serve. */
  readonly #retire: () => void
  /** Blocks that are not answered yet, oldest first. */
  readonly #waiting: PromiseWithResolvers<DigestedBlock>[] = []
  #lastUpload = 0
  #idle: NodeJS.Timeout | undefined
  #death: Error | undefined

  constructor(retire: () => void) {
    this.#retire = retire
    this.#worker.on('message', (digested: DigestedBlock) => this.#waiting.shift()?.resolve(digested))
    this.#worker.on('error', error => this.#die(error))
    this.#worker.on('exit', () => this.#die())
  }

  begin(): Digest {
    clearTimeout(this.#idle)
    this.uploads++
    this.#worker.ref()
    const upload = ++this.#lastUpload
    return {
      push: async (block, filled, isLast) => {
        if (this.#death) throw this.#death
        const answer = Promise.withResolvers<DigestedBlock>()
        this.#waiting.push(answer)
        this.#send({ upload, block, filled, isLast })
        return await answer.promise
      },
      close: () => {
        this.#send({ upload, isOver: true })
        if (--this.uploads > 0) return
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
