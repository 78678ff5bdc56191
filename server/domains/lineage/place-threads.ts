import { MessageChannel } from 'node:worker_threads'
import { Piscina } from 'piscina'
import { MalformedInput } from '../../kernel/errors.ts'
import { answerCalls } from '../sketches/index.ts'
import type { Placement } from './member.ts'
import type { ModelCode, PlaceTask, Unread } from './place-worker.ts'
import type { Edge } from './relations.ts'

/** Reads the bytes of a sketch by its key. */
type ReadSketch = (key: string) => Promise<Uint8Array>

type Work = PlaceTask extends infer Task ? (Task extends PlaceTask ? Omit<Task, 'port'> : never) : never

/** Compares sketches off the event loop, in one thread, which remembers those that it has read. */
export class PlaceThreads {
  readonly #read: ReadSketch
  readonly #pool = new Piscina<PlaceTask, ModelCode | Placement | { refused: string }>({
    filename: new URL('./place-worker.ts', import.meta.url).href,
    minThreads: 0,
    maxThreads: 1,
    idleTimeout: 300_000,
    resourceLimits: { maxOldGenerationSizeMb: 1024 },
  })

  constructor(read: ReadSketch) {
    this.#read = read
  }

  /** What the index remembers of a model. `read` gives sketches that are not stored. Throws MalformedInput. */
  async code(key: string, read: ReadSketch = this.#read): Promise<ModelCode> {
    return (await this.#run({ kind: 'code', key }, read)) as ModelCode
  }

  /** `place`. Throws MalformedInput. */
  async place(
    member: Unread,
    candidates: readonly Unread[],
    edges: ReadonlyMap<string, readonly Edge[]>,
    read: ReadSketch = this.#read,
  ): Promise<Placement> {
    return (await this.#run({ kind: 'place', member, candidates, edges }, read)) as Placement
  }

  async close(): Promise<void> {
    await this.#pool.destroy()
  }

  async #run(task: Work, read: ReadSketch) {
    const { port1, port2 } = new MessageChannel()
    answerCalls<string>(port1, read)
    try {
      const done = await this.#pool.run({ ...task, port: port2 } as PlaceTask, {
        transferList: [port2] as never,
      })
      if ('refused' in done) throw new MalformedInput('sketch', done.refused)
      return done
    } finally {
      port1.close()
    }
  }
}
