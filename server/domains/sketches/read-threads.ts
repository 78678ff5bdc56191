import { MessageChannel } from 'node:worker_threads'
import { Piscina } from 'piscina'
import type { ModelFiles } from '../weights/index.ts'
import type { ByteQuestion, ReadModel, ReadTask } from './read-worker.ts'
import { answerCalls } from './thread-calls.ts'

/**
 * Reads models and sketches them off the event loop: whatever a file says, it costs a thread of bounded memory. The
 * thread starts with the first work and ends when there is none for a while.
 */
export class ReadThreads {
  readonly #pool = new Piscina<ReadTask, ReadModel | undefined>({
    filename: new URL('./read-worker.ts', import.meta.url).href,
    minThreads: 0,
    maxThreads: 1,
    idleTimeout: 30_000,
    resourceLimits: { maxOldGenerationSizeMb: 1024 },
  })

  /** The best model of a folder, or that of which `path` is a part; undefined without weights. Rejects when bytes cannot be read. */
  async read(files: ModelFiles, path?: string): Promise<ReadModel | undefined> {
    const { port1, port2 } = new MessageChannel()
    answerCalls<ByteQuestion>(port1, async ({ path, start, end }) =>
      (await files.open(path)).read(start, end),
    )
    try {
      return await this.#pool.run(
        { files: files.list(), port: port2, path },
        { transferList: [port2] as never },
      )
    } finally {
      port1.close()
    }
  }

  async close(): Promise<void> {
    await this.#pool.destroy()
  }
}
