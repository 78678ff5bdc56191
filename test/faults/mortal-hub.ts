import { join } from 'node:path'
import type { RootOperationNode } from 'kysely'
import { pino } from 'pino'
import { compose, type Hub, migrations } from '../../server/compose.ts'
import { readConfig } from '../../server/config.ts'
import { openSqlite } from '../../server/drivers/database-sqlite.ts'
import { openFilesystemObjects } from '../../server/drivers/objects-filesystem.ts'
import { DatabaseQueue, queueMigrations } from '../../server/drivers/queue-database.ts'
import { systemClock } from '../../server/kernel/clock.ts'
import type { Database } from '../../server/ports/database.ts'
import type { ObjectStore, StagedObject } from '../../server/ports/objects.ts'

/**
 * Counts the moments at which a process may end: before each effect on the database or the object store, after it
 * (nobody has heard of it then), and for a transaction also between its last statement and its commit.
 */
export class FaultPoints {
  /** Moments that have passed. */
  count = 0
  isDead = false
  #isStarted = false
  readonly #dieAt: number
  readonly #die: () => void

  /** At moment `dieAt`, from 1 on, `die` is called, and from then on no effect happens any more. */
  constructor(dieAt = Number.POSITIVE_INFINITY, die: () => void = () => {}) {
    this.#dieAt = dieAt
    this.#die = die
  }

  /** The start of a hub is not counted: what it writes was there before. */
  start(): void {
    this.#isStarted = true
  }

  pass(): void {
    if (!this.#isStarted) return
    if (!this.isDead && ++this.count < this.#dieAt) return
    if (!this.isDead) this.#die()
    this.isDead = true
    throw new Error('this process is dead')
  }

  async around<T>(effect: () => Promise<T>): Promise<T> {
    this.pass()
    const result = await effect()
    this.pass()
    return result
  }
}

export interface MortalHub extends Hub {
  readonly database: Database
  readonly objects: ObjectStore
  close(): Promise<void>
}

/** A hub as `openHub` opens it, whose every effect goes by `points`. The local cache is none: it may be lost at any time. */
export async function openMortalHub(data: string, points: FaultPoints): Promise<MortalHub> {
  const database = await openSqlite(join(data, 'hub.sqlite'))
  await database.migrate({ ...queueMigrations, ...migrations })
  const objects = await openFilesystemObjects(join(data, 'objects'))
  const mortal = { database: mortalDatabase(database, points), objects: mortalObjects(objects, points) }
  const queue = new DatabaseQueue(mortal.database, systemClock)
  const config = readConfig({ data, logLevel: 'silent' }, {})
  const hub = await compose(config, { ...mortal, queue }, pino({ level: 'silent' }))
  points.start()
  const close = async () => {
    await hub.blobs.close()
    await objects.close()
    await database.close()
  }
  return { ...hub, ...mortal, close }
}

/** Work that no request asks for. */
export type Task = { readonly do: 'gc' } | { readonly do: 'merge'; readonly repoId: string }

export async function runTask(hub: MortalHub, task: Task): Promise<void> {
  if (task.do === 'merge') {
    const merge = hub.jobs.find(job => job.name === 'repos.consolidate-packs')
    await merge?.run({ repoId: task.repoId, ref: 'refs/heads/main' })
    return
  }
  const options = { dryRun: false, graceMs: 0 }
  await hub.blobs.collect({
    ...options,
    liveHolders: hub.repos.liveHolders,
    progress() {},
  })
  await hub.repos.collect(options)
}

function mortalDatabase(database: Database, points: FaultPoints): Database {
  // Statements outside of transactions; those inside are one effect.
  const written = new WeakSet<object>()
  const sql = database.sql.withPlugin({
    transformQuery({ node, queryId }): RootOperationNode {
      if (node.kind !== 'SelectQueryNode') {
        points.pass()
        written.add(queryId)
      }
      return node
    },
    async transformResult({ result, queryId }) {
      if (written.has(queryId)) points.pass()
      return result
    },
  })
  return new Proxy(database, {
    get(target, property) {
      if (property === 'sql') return sql
      if (property !== 'transaction') return bound(target, property)
      const transaction: Database['transaction'] = work =>
        points.around(() =>
          target.transaction(async tx => {
            const result = await work(tx)
            points.pass()
            return result
          }),
        )
      return transaction
    },
  })
}

function mortalObjects(objects: ObjectStore, points: FaultPoints): ObjectStore {
  return new Proxy(objects, {
    get(target, property) {
      if (property === 'stage') {
        return async () => {
          points.pass()
          const staged = await target.stage()
          try {
            points.pass()
          } catch (death) {
            await staged.discard()
            throw death
          }
          return mortalStaged(staged, points)
        }
      }
      const method = bound(target, property)
      if (property !== 'put' && property !== 'delete' && property !== 'copy') return method
      return (...args: unknown[]) => points.around(() => method(...args))
    },
  })
}

function mortalStaged(staged: StagedObject, points: FaultPoints): StagedObject {
  return {
    append: bytes => staged.append(bytes),
    commit: key => points.around(() => staged.commit(key)),
    replace: key => points.around(() => staged.replace(key)),
    discard: () => staged.discard(),
  }
}

// biome-ignore lint/suspicious/noExplicitAny: methods of every shape.
function bound(target: object, property: string | symbol): any {
  const value = Reflect.get(target, property)
  return typeof value === 'function' ? value.bind(target) : value
}
