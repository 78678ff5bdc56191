import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import SqliteHandle from 'better-sqlite3'
import type { FastifyInstance } from 'fastify'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { compose, type Hub } from '../../server/compose.ts'
import { readConfig } from '../../server/config.ts'
import { type OpenHub, openHub } from '../../server/open-hub.ts'
import type { Database } from '../../server/ports/database.ts'
import type { ObjectStore } from '../../server/ports/objects.ts'
import { type Upload, Uploads } from './uploads.ts'

/**
 * No row is committed that names an object whose storing has not been acknowledged. The store is slow to acknowledge
 * here, and another connection looks at the rows after every commit.
 */
const acknowledged = new Set<string>()
const wrong: string[] = []
let commits = 0
let data: string
let drivers: OpenHub
let hub: Hub
let app: FastifyInstance
let witness: SqliteHandle.Database
let uploads: Uploads

function slow(store: ObjectStore): ObjectStore {
  const acknowledge = async (key: string, stored: Promise<'stored' | 'existed'>) => {
    const outcome = await stored
    await sleep(20)
    acknowledged.add(key)
    return outcome
  }
  return new Proxy(store, {
    get(target, name) {
      if (name === 'put')
        return (...[key, bytes]: Parameters<ObjectStore['put']>) => acknowledge(key, target.put(key, bytes))
      if (name === 'stage')
        return async () => {
          const staged = await target.stage()
          const commit = staged.commit.bind(staged)
          return Object.assign(staged, { commit: (key: string) => acknowledge(key, commit(key)) })
        }
      const value = target[name as keyof ObjectStore]
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

function watched(database: Database): Database {
  return new Proxy(database, {
    get(target, name) {
      const value = target[name as keyof Database]
      if (name !== 'transaction') return typeof value === 'function' ? value.bind(target) : value
      return async (work: Parameters<Database['transaction']>[0]) => {
        const result = await target.transaction(work)
        look()
        return result
      }
    },
  })
}

function look(): void {
  commits++
  const packs = witness.prepare('select repo_id, pack_id from packs').raw().all() as string[][]
  const xorbs = witness.prepare('select hash from xorbs').raw().all() as string[][]
  const named = [
    ...packs.flatMap(([repo, pack]) => ['pack', 'idx'].map(part => `repos/${repo}/packs/${pack}.${part}`)),
    ...xorbs.map(([hash]) => `xorbs/${hash!.slice(0, 2)}/${hash}`),
  ]
  wrong.push(...named.filter(key => !acknowledged.has(key)))
}

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'banyan-order-'))
  const config = readConfig({ data, logLevel: 'silent' }, {})
  const log = pino({ level: 'silent' })
  drivers = await openHub(config, log)
  witness = new SqliteHandle(join(data, 'hub.sqlite'), { readonly: true })
  const between = { ...drivers, database: watched(drivers.database), objects: slow(drivers.objects) }
  hub = await compose(config, between, log)
  app = hub.createApp()
  await app.listen({ host: '127.0.0.1', port: 0 })
  const token = 'hf_order'
  await hub.accounts.addUser({ name: 'ada', token: { value: token, name: 't', role: 'write' } })
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
  uploads = await Uploads.open({ url, token, data }, 'ada', 'm')
})
afterAll(async () => {
  await app.close()
  await hub.blobs.close()
  witness.close()
  await drivers.close()
  await rm(data, { recursive: true })
})

const kinds: [string, () => Upload][] = [
  ['commits', () => uploads.commit()],
  ['LFS files', () => uploads.lfs(3_000_000)],
  ['xorbs', () => uploads.xorb()],
  ['shards', () => uploads.shard()],
  ['pushes', () => uploads.push()],
  ['repositories', () => uploads.repo()],
]

it.each(kinds)('commits the rows of %s after their bytes', async (_, make) => {
  const before = { commits, known: acknowledged.size }
  for (const upload of [make(), make()]) expect((await upload.send()).status).toBe(200)
  expect(commits).toBeGreaterThan(before.commits)
  expect(acknowledged.size).toBeGreaterThan(before.known)
  expect(wrong).toEqual([])
})
