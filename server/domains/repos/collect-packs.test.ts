import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ada, type InProcessHub, startInProcessHub } from '../../../test/in-process-hub.ts'
import { PackBuilder } from '../../formats/pack-builder.ts'
import type { Repository } from '../../kernel/repository.ts'
import type { Database, Sql } from '../../ports/database.ts'
import type { ObjectStore } from '../../ports/objects.ts'
import { collectPacks } from './collect-packs.ts'
import { consolidatePacks } from './consolidate-packs.ts'
import { deleteRepo } from './delete-repo.ts'
import { PackBeingCollected } from './errors.ts'
import { makeCommit } from './make-commit.ts'
import { addObject, storePack } from './packs.ts'
import { packsOf } from './store.ts'
import { retirePacks } from './store-packs.ts'

/** What gc does with packs, and what writers of the same packs make of it. The clock is set by hand. */

const day = 24 * 3600 * 1000
let hub: InProcessHub
let repo: Repository
let serial = 0
let now: number
beforeAll(async () => {
  hub = await startInProcessHub()
})
afterAll(() => hub.close())
beforeEach(async () => {
  repo = await hub.createRepo(`repo-${serial++}`)
  now = Date.now() + serial * 100 * day
})

const parts = (objects: ObjectStore = hub.parts.objects) => ({ ...hub.parts, objects, clock: () => now })
const collect = (graceMs: number, objects?: ObjectStore, dryRun = false) =>
  collectPacks(parts(objects), { dryRun, graceMs })

async function builderOf(text: string): Promise<PackBuilder> {
  const builder = new PackBuilder()
  await addObject(builder, 'blob', Buffer.from(text))
  return builder
}

/** Stores a pack with one object, and gives what makes it count. */
async function store(text: string, objects?: ObjectStore) {
  const record = await storePack(parts(objects), repo.id, await builderOf(text))
  return () => hub.parts.database.transaction(tx => record(tx, now))
}

const idOf = async (text: string) => (await (await builderOf(text)).finish()).packId
const packIds = async () => (await packsOf(hub.parts.database.sql, repo.id)).map(pack => pack.packId)
const retire = (packId: string) =>
  hub.parts.database.transaction(tx => retirePacks(tx, repo.id, [packId], now))

async function stored(): Promise<string[]> {
  const ids = new Set<string>()
  for await (const { key } of hub.parts.objects.list(`repos/${repo.id}/`)) {
    ids.add(/([0-9a-f]{40})/.exec(key)?.[1] as string)
  }
  return [...ids]
}

/** Every pack that counts has its bytes. */
async function expectWhole(): Promise<void> {
  expect(await stored()).toEqual(expect.arrayContaining(await packIds()))
}

function bound(target: object, property: string | symbol) {
  const value = Reflect.get(target, property)
  return typeof value === 'function' ? value.bind(target) : value
}

/** The store, with something done before or after a call. */
function meddled(name: keyof ObjectStore, meddle: { before?: () => unknown; after?: () => unknown }) {
  return new Proxy(hub.parts.objects, {
    get(target, property) {
      const method = bound(target, property)
      if (property !== name) return method
      return async (...args: unknown[]) => {
        await meddle.before?.()
        const result = await method(...args)
        await meddle.after?.()
        return result
      }
    },
  })
}

describe('collectPacks', () => {
  it('keeps a merged pack for a grace after the merge, however old it is', async () => {
    for (let at = 0; at < 52; at++) {
      await makeCommit(parts(), ada, repo, { revision: 'main' }, commitBody(`${at}.txt`))
    }
    const old = await packIds()
    now += 30 * day
    await consolidatePacks(parts()).run({ repoId: repo.id, ref: 'refs/heads/main' })
    const [merged] = await packIds()
    now += 6 * day
    await collect(7 * day)
    expect(await stored()).toEqual(expect.arrayContaining([...old, merged]))
    now += day
    expect(await collect(7 * day, undefined, true)).toMatchObject({ objects: 2 * old.length })
    expect(await collect(7 * day)).toMatchObject({ objects: 2 * old.length })
    expect(await stored()).toEqual([merged])
  })

  it('keeps the packs of a deleted repository for a grace after its end', async () => {
    const [pack] = await packIds()
    now += 30 * day
    await deleteRepo(
      { ...hub.parts, blobs: { releaseHolder: async () => 0 } as never, clock: () => now },
      repo,
    )
    now += 6 * day
    await collect(7 * day)
    expect(await stored()).toEqual([pack])
    now += day
    await collect(7 * day)
    expect(await stored()).toEqual([])
  })

  it('takes a pack that never came to count, once it is old', async () => {
    await store('stray')
    const packId = await idOf('stray')
    now = Date.now() + 6 * day
    await collect(7 * day)
    expect(await stored()).toContain(packId)
    now += 2 * day
    await collect(7 * day)
    expect(await stored()).not.toContain(packId)
    await expectWhole()
  })

  it('refuses to count on a pack that it has taken since it was stored', async () => {
    const record = await store('taken')
    await collect(0)
    await expect(record()).rejects.toThrow(PackBeingCollected)
    // Who begins again is served, though it is the very same pack.
    await (await store('taken'))()
    expect(await packIds()).toContain(await idOf('taken'))
    await expectWhole()
  })

  it('does not take a pack that begins to count after it has looked', async () => {
    const record = await store('just in time')
    const database: Database = new Proxy(hub.parts.database, {
      get(target, property) {
        if (property !== 'transaction') return bound(target, property)
        return async <T>(work: (tx: Sql) => Promise<T>) => {
          await record()
          return await target.transaction(work)
        }
      },
    })
    await collectPacks({ ...parts(), database }, { dryRun: false, graceMs: 0 })
    expect(await packIds()).toContain(await idOf('just in time'))
    await expectWhole()
  })

  it.each(['before', 'after'] as const)('lets nobody count on a pack %s it deletes the bytes', async when => {
    const record = await store('under way')
    const outcomes: string[] = []
    const outcome = async (work: () => Promise<unknown>) =>
      outcomes.push(
        await work().then(
          () => 'fine',
          error => error.name,
        ),
      )
    const meddle = async () => {
      await outcome(record)
      await outcome(() => store('under way'))
    }
    await collect(0, meddled('delete', { [when]: meddle }))
    expect(new Set(outcomes)).toEqual(new Set(['PackBeingCollected']))
    await (await store('under way'))()
    await expectWhole()
  })

  it('tells one removal of a pack from the next', async () => {
    await store('over and over')
    await collect(0)
    const record = await store('over and over')
    await collect(0)
    await expect(record()).rejects.toThrow(PackBeingCollected)
  })

  it('is seen by one of two writers of the same pack that stored it before', async () => {
    const early = await store('twice')
    await collect(0)
    const late = await store('twice')
    await expect(early()).rejects.toThrow(PackBeingCollected)
    await late()
    await expectWhole()
  })

  it('takes a retired pack back that is pushed again', async () => {
    await (await store('again'))()
    const packId = await idOf('again')
    await retire(packId)
    expect(await packIds()).not.toContain(packId)
    now += 30 * day
    await (await store('again'))()
    await collect(7 * day)
    expect(await packIds()).toContain(packId)
    await expectWhole()
  })

  it('finishes what a run that died has begun, two minutes later', async () => {
    await store('half gone')
    const packId = await idOf('half gone')
    const dying = meddled('delete', {
      before: () => {
        throw new Error('died')
      },
    })
    await expect(collect(0, dying)).rejects.toThrow('died')
    now += 2 * 60_000 - 10_000
    await collect(0)
    expect(await stored()).toContain(packId)
    now += 20_000
    await collect(0)
    expect(await stored()).not.toContain(packId)
  })

  it('removes nothing on a dry run', async () => {
    await store('counted')
    const before = await stored()
    expect(await collect(0, undefined, true)).toMatchObject({ objects: 2 })
    expect(await stored()).toEqual(before)
    await collect(0)
    expect(await stored()).toHaveLength(before.length - 1)
  })
})

async function* commitBody(path: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(`${JSON.stringify({ key: 'header', value: { summary: path } })}\n`)
  yield Buffer.from(`${JSON.stringify({ key: 'file', value: { path, content: path, encoding: 'utf-8' } })}\n`)
}
