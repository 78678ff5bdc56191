import { randomBytes } from 'node:crypto'
import { utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startPostgres, type TestPostgres } from '../../../test/postgres.ts'
import { openPostgres } from '../../drivers/database-postgres.ts'
import { chunkHash } from '../../formats/merkle.ts'
import { hashToText } from '../../formats/xet-hash.ts'
import {
  type BlobsForTest,
  gracePeriod,
  inPieces,
  isHeld,
  openBlobsForTest,
  readAll,
  sha256,
} from './blobs-for-test.suite.ts'
import { CasClient, chunksOf, expectStatus, makeFile, makeXorb } from './cas-for-test.suite.ts'
import { XorbBeingCollected } from './errors.ts'
import { deleteUnheldFiles } from './store-collection.ts'
import { lockFiles, saveHoldings } from './store-files.ts'

const day = 24 * 3600 * 1000
const minute = 60 * 1000
let postgres: TestPostgres
beforeAll(async () => {
  postgres = await startPostgres()
})
afterAll(() => postgres.stop())

describe.each(['sqlite', 'postgres'])('collection on %s', kind => {
  let hub: BlobsForTest
  let alice: CasClient
  beforeEach(async () => {
    hub = await openBlobsForTest(
      kind === 'sqlite' ? undefined : async () => openPostgres(await postgres.createDatabase()),
    )
    alice = new CasClient(hub, 'alice', 'alice')
  })
  afterEach(() => hub.close())

  const content = randomBytes(400_000)
  const sha = sha256(content)
  const ingest = (holder: string, bytes: Uint8Array = content) =>
    hub.blobs.ingest(holder, inPieces(bytes), { sha256: sha256(bytes), size: bytes.length })
  const release = (holder: string) => hub.database.transaction(tx => hub.blobs.releaseHolder(tx, holder))
  const xorbs = async () =>
    (await hub.tables.selectFrom('xorbs').select('hash').where('removal', 'is', null).execute()).map(
      row => row.hash,
    )
  const key = (hash: string) => `xorbs/${hash.slice(0, 2)}/${hash}`

  it('leaves alone what somebody refers to', async () => {
    await ingest('alice')
    await hub.commit('alice', sha)
    await ingest('bob')
    await hub.commit('bob', sha)
    await release('alice')
    hub.time.now += 100 * day
    expect(await hub.collect()).toMatchObject({ holdings: 0, files: 0, xorbs: 0, markedXorbs: 0, orphans: 0 })
    const file = (await hub.blobs.describe('bob', [sha])).get(sha)!
    expect((await readAll(hub.blobs.read(file))).equals(content)).toBe(true)
  })

  it('lets go of a file at once and of its bytes after the grace period', async () => {
    await ingest('alice')
    await hub.commit('alice', sha)
    await release('alice')
    const bytes = await hub.storedBytes()
    expect(await hub.collect({ dryRun: true })).toMatchObject({ files: 1, xorbs: 0 })
    expect(await hub.collect()).toMatchObject({ files: 1, xorbs: 0, markedXorbs: 1, markedBytes: bytes })
    hub.time.now += gracePeriod - 1
    expect(await hub.collect()).toMatchObject({ xorbs: 0, markedXorbs: 0 })
    hub.time.now += 1
    expect(await hub.collect({ dryRun: true })).toMatchObject({ xorbs: 1, xorbBytes: bytes })
    expect(await hub.storedBytes()).toBe(bytes)
    expect(await hub.collect()).toMatchObject({ xorbs: 1, xorbBytes: bytes })
    expect(await hub.storedBytes()).toBe(0)
    await ingest('alice')
    await release('alice')
    hub.time.now += day
    await hub.collect({ graceMs: 0 })
    hub.time.now += day
    await hub.collect({ graceMs: 0 })
    for (const table of ['xorbs', 'files', 'file_xorbs', 'chunk_index', 'holdings'] as const) {
      expect(await hub.tables.selectFrom(table).selectAll().execute()).toEqual([])
    }
    await ingest('alice')
    expect(await hub.check(true)).toEqual([])
  })

  it('takes no grace period for one of nothing', async () => {
    await ingest('alice')
    hub.time.now += 1
    expect(await hub.collect({ graceMs: 0 })).toMatchObject({
      holdings: 1,
      files: 1,
      xorbs: 1,
      markedXorbs: 1,
    })
    expect(await hub.storedBytes()).toBe(0)
  })

  it('forgets uploads that nobody committed, but not before their time', async () => {
    await ingest('alice')
    hub.time.now += gracePeriod - 1
    await ingest('bob')
    // Uploaded again, so waited for again.
    await ingest('alice')
    hub.time.now += 2
    expect(await hub.collect()).toMatchObject({ holdings: 0 })
    hub.time.now += gracePeriod
    expect(await hub.collect({ dryRun: true })).toMatchObject({ holdings: 2, files: 1 })
    expect(await hub.collect()).toMatchObject({ holdings: 2, files: 1 })
  })

  it('forgets what holders had that are gone', async () => {
    await ingest('alice')
    await hub.commit('alice', sha)
    const other = randomBytes(1000)
    await ingest('bob', other)
    await hub.commit('bob', sha256(other))
    expect(await hub.collect({ live: ['bob'], dryRun: true })).toMatchObject({ holdings: 1, files: 1 })
    expect(await isHeld(hub.blobs, 'alice', sha)).toBe(true)
    expect(await hub.collect({ live: ['bob'] })).toMatchObject({ holdings: 1, files: 1 })
    expect(await isHeld(hub.blobs, 'alice', sha)).toBe(false)
    expect(await isHeld(hub.blobs, 'bob', sha256(other))).toBe(true)
  })

  it('waits anew for a xorb that a client was told to build upon', async () => {
    const { xorb, file } = await alice.upload(content)
    await release('alice')
    await hub.collect()
    const chunk = hashToText(chunkHash(chunksOf(content)[0]!))
    const uses = [
      () => expectStatus(200, alice.get(`/v1/chunks/default/${chunk}`)),
      () => expectStatus(200, alice.request('POST', `/v1/xorb-grants/default/${xorb.hash}`)),
      () => expectStatus(200, alice.postXorb(xorb)),
    ]
    for (const use of uses) {
      hub.time.now += gracePeriod
      await use()
      expect(await hub.collect()).toMatchObject({ xorbs: 0, markedXorbs: 1 })
      hub.time.now += gracePeriod - 1
      expect(await hub.collect()).toMatchObject({ xorbs: 0 })
    }
    await expectStatus(200, alice.postShard({ files: [file], xorbs: [] }))
    await hub.commit('alice', sha)
    hub.time.now += 10 * gracePeriod
    expect(await hub.collect()).toMatchObject({ xorbs: 0, files: 0 })
    expect(await hub.check(true)).toEqual([])
  })

  it('waits anew for a xorb that an upload by LFS has met', async () => {
    await ingest('alice')
    await release('alice')
    await hub.collect()
    hub.time.now += gracePeriod + 1
    async function* slow() {
      yield content.subarray(0, 390_000)
      // Collection runs while the rest of the upload is on its way.
      await hub.collect()
      yield content.subarray(390_000)
    }
    const [hash] = await xorbs()
    await hub.blobs.ingest('bob', slow(), { sha256: sha, size: content.length }).catch(error => {
      expect(error).toBeInstanceOf(XorbBeingCollected)
    })
    const large = Buffer.concat([content, randomBytes(5_000_000)])
    await ingest('alice')
    await release('alice')
    await hub.collect()
    hub.time.now += gracePeriod + 1
    async function* slowLarge() {
      yield large.subarray(0, 5_000_000)
      expect((await hub.collect()).xorbs).toBe(0)
      yield large.subarray(5_000_000)
    }
    const file = await hub.blobs.ingest('bob', slowLarge(), { sha256: sha256(large), size: large.length })
    expect(sha256(await readAll(hub.blobs.read(file)))).toBe(file.sha256)
    expect(hash).toBeDefined()
    expect(await hub.check(true)).toEqual([])
  })

  it('has no xorb stored anew in the moment in which it is deleted', async () => {
    const { xorb, file } = await alice.upload(content)
    await release('alice')
    await hub.collect()
    hub.time.now += gracePeriod
    hub.objects.delete = async object => {
      // The row is doomed, the object still there.
      await expectStatus(503, alice.postXorb(xorb))
      await expectStatus(404, alice.request('POST', `/v1/xorb-grants/default/${xorb.hash}`))
      await expectStatus(503, alice.postShard({ files: [file], xorbs: [] }))
      await expect(ingest('bob')).rejects.toBeInstanceOf(XorbBeingCollected)
      await hub.store.delete(object)
      await expectStatus(503, alice.postXorb(xorb))
      await expect(ingest('bob')).rejects.toBeInstanceOf(XorbBeingCollected)
    }
    expect((await hub.collect()).xorbs).toBe(1)
    hub.objects.delete = object => hub.store.delete(object)
    await expectStatus(400, alice.postShard({ files: [file], xorbs: [] }))
    await expectStatus(200, alice.postXorb(xorb))
    await expectStatus(200, alice.postShard({ files: [file], xorbs: [] }))
    expect((await hub.check(true)).filter(finding => finding.severity === 'error')).toEqual([])
    expect((await alice.download(file.hash)).equals(content)).toBe(true)
  })

  it('does not delete an upload that came between finding it unused and dooming it', async () => {
    const { file } = await alice.upload(content)
    await release('alice')
    await hub.collect()
    hub.time.now += gracePeriod
    let transactions = 0
    hub.interposed.beforeTransaction = async () => {
      // The first lets go of holdings, the second dooms.
      if (++transactions === 2) await expectStatus(200, alice.postShard({ files: [file], xorbs: [] }))
    }
    expect(await hub.collect()).toMatchObject({ xorbs: 0 })
    expect(transactions).toBeGreaterThan(2)
    expect((await alice.download(file.hash)).equals(content)).toBe(true)
    expect(await hub.check(true)).toEqual([])
  })

  it('finishes what a run left that died', async () => {
    const { xorb } = await alice.upload(content)
    await release('alice')
    await hub.collect()
    hub.time.now += gracePeriod
    hub.objects.delete = async () => {
      throw new Error('died')
    }
    await expect(hub.collect()).rejects.toThrow('died')
    hub.objects.delete = object => hub.store.delete(object)
    expect(await hub.collect()).toMatchObject({ xorbs: 0 })
    await expectStatus(503, alice.postXorb(xorb))
    hub.time.now += 2 * minute
    expect(await hub.collect()).toMatchObject({ xorbs: 1 })
    expect(await hub.storedBytes()).toBe(0)
    await expectStatus(200, alice.postXorb(xorb))
  })

  const uploadsOfDoomed: [string, () => Promise<unknown>][] = [
    [
      'a xorb',
      async () => {
        const xorb = makeXorb(chunksOf(content))
        await expectStatus(200, alice.postXorb(xorb))
        const file = makeFile(content, { xorb, start: 0, end: xorb.index.frameEnds.length })
        await expectStatus(200, alice.postShard({ files: [file], xorbs: [] }))
      },
    ],
    ['a file through LFS', () => ingest('alice')],
  ]
  it.each(uploadsOfDoomed)('is out of the way of %s two minutes after a run has died', async (_, upload) => {
    const { xorb, file } = await alice.upload(content)
    await release('alice')
    await hub.collect()
    hub.time.now += gracePeriod
    hub.objects.delete = async () => {
      throw new Error('died')
    }
    await expect(hub.collect()).rejects.toThrow('died')
    hub.objects.delete = object => hub.store.delete(object)
    hub.time.now += 2 * minute - 1
    await expect(upload()).rejects.toThrow()
    await expectStatus(503, alice.postShard({ files: [file], xorbs: [] }))
    hub.time.now += 1
    await upload()
    expect(await hub.collect()).toMatchObject({ xorbs: 0, orphans: 0 })
    expect((await alice.download(file.hash)).equals(content)).toBe(true)
    expect(await hub.check(true)).toEqual([])
    expect(xorb.hash).toBeDefined()
  })

  it('tells who refers to what a dead run has doomed to send it, two minutes later', async () => {
    const { file } = await alice.upload(content)
    await release('alice')
    await hub.collect()
    hub.time.now += gracePeriod
    hub.objects.delete = async () => {
      throw new Error('died')
    }
    await expect(hub.collect()).rejects.toThrow('died')
    hub.objects.delete = object => hub.store.delete(object)
    hub.time.now += 2 * minute
    await expectStatus(400, alice.postShard({ files: [file], xorbs: [] }))
  })

  it('deletes nothing any more in a run that was held up until others took over', async () => {
    const first = await alice.upload(content)
    const more = [await alice.upload(randomBytes(60_000))]
    while (more.length < 12) more.push(await alice.upload(randomBytes(60_000)))
    for (const { file } of [first, ...more]) {
      await hub.database.transaction(tx => hub.blobs.release(tx, 'alice', [file.sha256!]))
    }
    await hub.collect()
    hub.time.now += gracePeriod
    const uploads = [first, ...more]
    const deletes: Promise<void>[] = []
    hub.objects.delete = async object => {
      deletes.push(hub.store.delete(object))
      if (deletes.length < 8) return await deletes.at(-1)
      // Three minutes pass in the last delete of the first few; then everybody uploads again.
      await Promise.all(deletes)
      hub.objects.delete = later => hub.store.delete(later)
      hub.time.now += 3 * minute
      for (const { xorb } of uploads) await alice.postXorb(xorb)
    }
    await hub.collect()
    for (const { xorb, file } of uploads) {
      await alice.postXorb(xorb)
      await expectStatus(200, alice.postShard({ files: [file], xorbs: [] }))
    }
    expect((await hub.check(true)).filter(finding => finding.severity === 'error')).toEqual([])
  })

  it('clears away objects without a row, and never one that gets a row meanwhile', async () => {
    const [old, fresh, raced] = [
      makeXorb(chunksOf(randomBytes(50_000))),
      makeXorb([Buffer.from('new')]),
      makeXorb(chunksOf(content)),
    ]
    for (const xorb of [old, fresh, raced]) {
      await alice.postXorb(xorb)
      await hub.tables.deleteFrom('xorbs').where('hash', '=', xorb.hash).execute()
    }
    const past = new Date(hub.time.now - gracePeriod - 1000)
    for (const xorb of [old, raced]) await utimes(join(hub.folder, 'objects', key(xorb.hash)), past, past)
    expect(await hub.collect({ dryRun: true })).toMatchObject({ orphans: 2 })
    const { list } = hub.store
    hub.objects.list = async function* (prefix) {
      for await (const object of list.call(hub.store, prefix)) {
        yield object
        // Its upload comes to its end after it was listed.
        if (object.key === key(raced.hash)) await expectStatus(200, alice.postXorb(raced))
      }
    }
    expect(await hub.collect()).toMatchObject({ orphans: 1 })
    expect((await xorbs()).sort()).toEqual([raced.hash])
    expect(await hub.store.size(key(old.hash))).toBeUndefined()
    expect(await hub.store.size(key(fresh.hash))).toBeDefined()
    expect(await hub.store.size(key(raced.hash))).toBeDefined()
  })

  it('lets no upload that was under way keep the name of an object that is being deleted', async () => {
    const xorb = makeXorb(chunksOf(content))
    await alice.postXorb(xorb)
    await hub.tables.deleteFrom('xorbs').execute()
    // The listing may be older than what the upload has done to the object since.
    hub.objects.list = async function* (prefix) {
      for await (const object of hub.store.list(prefix)) yield { ...object, modifiedAt: 0 }
    }
    const begun = Promise.withResolvers<void>()
    const doomed = Promise.withResolvers<void>()
    async function* body() {
      yield xorb.body.subarray(0, 100_000)
      begun.resolve()
      await doomed.promise
      yield xorb.body.subarray(100_000)
    }
    const upload = alice.request('POST', `/v1/xorbs/default/${xorb.hash}`, Readable.from(body()))
    await begun.promise
    hub.objects.delete = async object => {
      doomed.resolve()
      await expectStatus(503, upload)
      await hub.store.delete(object)
    }
    expect(await hub.collect()).toMatchObject({ orphans: 1 })
    await expectStatus(200, alice.postXorb(xorb))
  })

  it('records no xorb whose object it has taken since that was stored', async () => {
    const xorb = makeXorb(chunksOf(content))
    hub.time.now += 1000
    const { read } = hub.objects
    const whileRecording = (work: () => Promise<unknown>) => {
      hub.objects.read = async (...args) => {
        hub.objects.read = read
        const bytes = await hub.store.read(...args)
        await work()
        return bytes
      }
    }
    // Between the object and its row, all of a collection.
    whileRecording(() => hub.collect({ graceMs: 0 }))
    await expectStatus(503, alice.postXorb(xorb))
    // The same once more, after an upload that knew of the first.
    whileRecording(() => hub.collect({ graceMs: 0 }))
    await expectStatus(503, alice.postXorb(xorb))
    whileRecording(() => hub.collect({ graceMs: 0 }))
    await expect(ingest('bob')).rejects.toBeInstanceOf(XorbBeingCollected)
    expect(await hub.storedBytes()).toBe(0)
    await expectStatus(200, alice.postXorb(xorb))
    expect((await hub.check(true)).filter(finding => finding.severity === 'error')).toEqual([])
    hub.time.now += day
    await hub.collect({ graceMs: 0 })
    hub.time.now += day
    await hub.collect({ graceMs: 0 })
    expect(await hub.tables.selectFrom('xorbs').select('hash').execute()).toEqual([])
  })

  it('keeps a file that somebody begins to refer to in the moment in which it is let go', async () => {
    const { fileHash } = await ingest('alice')
    await release('alice')
    const locked = Promise.withResolvers<void>()
    const goOn = Promise.withResolvers<void>()
    const referring = hub.database.transaction(async tx => {
      await lockFiles(tx, [fileHash])
      locked.resolve()
      await goOn.promise
      await saveHoldings(tx, 'bob', [{ sha256: sha, fileHash, isProven: true }], hub.time.now)
    })
    await locked.promise
    const deleting = hub.database.transaction(tx => deleteUnheldFiles(tx, [fileHash]))
    // Long enough for the deletion to wait for the row.
    await sleep(150)
    goOn.resolve()
    await referring
    expect(await deleting).toBe(0)
    expect(await isHeld(hub.blobs, 'bob', sha)).toBe(true)
    expect(await hub.check(true)).toEqual([])
  })

  it('breaks nothing while uploads, deletions and two collections run at once', async () => {
    const pieces = Array.from({ length: 6 }, () => randomBytes(120_000))
    const held = new Map<string, Buffer>()
    let refused = 0
    const user = async (name: string) => {
      for (let i = 0; i < 12; i++) {
        const bytes = Buffer.concat([pieces[(i + name.charCodeAt(0)) % 6]!, pieces[(i * 5 + 1) % 6]!])
        hub.time.now++
        try {
          if (i % 2 === 0) await ingest(name, bytes)
          else await uploadByXet(name, bytes)
          await hub.commit(name, sha256(bytes))
          held.set(name, bytes)
        } catch {
          // Collected without any grace before it was committed: refused, not broken.
          refused++
        }
        if (i % 5 === 4) {
          held.delete(name)
          await release(name)
        }
      }
    }
    const uploadByXet = async (name: string, bytes: Uint8Array) => {
      const client = new CasClient(hub, name, name)
      const xorb = makeXorb(chunksOf(bytes))
      await expectStatus(200, client.postXorb(xorb))
      const file = makeFile(bytes, { xorb, start: 0, end: xorb.index.frameEnds.length })
      await expectStatus(200, client.postShard({ files: [file], xorbs: [] }))
    }
    let isDone = false
    const collector = async () => {
      while (!isDone) {
        hub.time.now++
        await hub.collect({ graceMs: 0 })
      }
    }
    const collectors = [collector(), collector()]
    await Promise.all(['a', 'b', 'c', 'd'].map(user))
    isDone = true
    await Promise.all(collectors)
    expect(refused).toBeLessThan(48)
    for (const [name, bytes] of held) {
      const file = (await hub.blobs.describe(name, [sha256(bytes)])).get(sha256(bytes))!
      expect((await readAll(hub.blobs.read(file))).equals(bytes)).toBe(true)
    }
    expect((await hub.check(true)).filter(finding => finding.severity === 'error')).toEqual([])
  })
})
