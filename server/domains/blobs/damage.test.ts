import { randomBytes } from 'node:crypto'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { chunkHash } from '../../formats/merkle.ts'
import { hashToText } from '../../formats/xet-hash.ts'
import {
  type BlobsForTest,
  gracePeriod,
  inPieces,
  openBlobsForTest,
  readAll,
  sha256,
} from './blobs-for-test.suite.ts'
import { CasClient, chunksOf, expectStatus, makeFile, makeXorb } from './cas-for-test.suite.ts'
import { CorruptChunk } from './errors.ts'

/** What a disk has damaged is stored whole again by whoever uploads the same content again. */
describe('a damaged xorb', () => {
  const content = randomBytes(600_000)
  const sha = sha256(content)
  let hub: BlobsForTest
  let alice: CasClient
  beforeEach(async () => {
    hub = await openBlobsForTest()
    alice = new CasClient(hub, 'alice', 'alice')
  })
  afterEach(() => hub.close())

  const ingest = (bytes: Uint8Array, holder = 'alice') =>
    hub.blobs.ingest(holder, inPieces(bytes), { sha256: sha256(bytes), size: bytes.length })
  const read = async (bytes: Uint8Array) => {
    const [file] = (await hub.blobs.describe('alice', [sha256(bytes)])).values()
    return await readAll(hub.blobs.read(file!))
  }
  const xorbs = async () => await hub.tables.selectFrom('xorbs').selectAll().orderBy('created_at').execute()
  const pathOf = (hash: string) => join(hub.folder, 'objects', `xorbs/${hash.slice(0, 2)}/${hash}`)
  const flip = async (hash: string, at: number) => {
    const bytes = await readFile(pathOf(hash))
    bytes[at < 0 ? bytes.length + at : at]! ^= 1
    await chmod(pathOf(hash), 0o600)
    await writeFile(pathOf(hash), bytes)
  }
  const errors = async () =>
    (await hub.check(true)).filter(finding => finding.severity === 'error').map(finding => finding.subject)
  const damages: [string, (hash: string) => Promise<void>][] = [
    ['with a flipped bit in a chunk', hash => flip(hash, 100_000)],
    ['with a flipped bit in its footer', hash => flip(hash, -60)],
    ['that is gone', hash => hub.store.delete(`xorbs/${hash.slice(0, 2)}/${hash}`)],
    [
      'that was cut',
      async hash => {
        const bytes = await readFile(pathOf(hash))
        await chmod(pathOf(hash), 0o600)
        await writeFile(pathOf(hash), bytes.subarray(0, 50_000))
      },
    ],
  ]

  // The index that the footer holds is in memory.
  const readerFinds = damages.filter(([what]) => !what.includes('footer'))
  it.each(readerFinds)(
    '%s is found by a reader, and replaced by an upload through LFS',
    async (_, damage) => {
      const { fileHash } = await ingest(content)
      await hub.commit('alice', sha)
      const { hash } = (await xorbs())[0]!
      await damage(hash)
      await expect(read(content)).rejects.toThrow()
      expect(await hub.blobs.findDamaged([fileHash])).toEqual(new Set([fileHash]))
      hub.readers.set('alice', new Set(['bob']))
      expect(await hub.blobs.findReadable('bob', [sha])).toEqual(new Map())
      expect(await ingest(content)).toMatchObject({ fileHash, state: 'proven' })
      expect((await read(content)).equals(content)).toBe(true)
      expect(await hub.blobs.findDamaged([fileHash])).toEqual(new Set())
      expect((await hub.blobs.findReadable('bob', [sha])).size).toBe(1)
      expect(await hub.check(true)).toEqual([])
    },
  )

  it.each(damages)('%s is found by the check, and replaced by an upload through Xet', async (_, damage) => {
    const { xorb, file } = await alice.upload(content)
    await damage(xorb.hash)
    expect(await errors()).toContain(`xorb ${xorb.hash}`)
    const chunk = hashToText(chunkHash(chunksOf(content)[0]!))
    await expectStatus(404, alice.get(`/v1/chunks/default/${chunk}`))
    await expectStatus(404, alice.request('POST', `/v1/xorb-grants/default/${xorb.hash}`))
    const refused = await expectStatus(400, alice.postShard({ files: [file], xorbs: [] }))
    expect(refused.json().error).toContain('upload it again')
    expect((await expectStatus(200, alice.postXorb(xorb))).json()).toEqual({ was_inserted: true })
    await expectStatus(200, alice.postShard({ files: [file], xorbs: [] }))
    expect((await alice.download(file.hash)).equals(content)).toBe(true)
    await expectStatus(200, alice.get(`/v1/chunks/default/${chunk}`))
    expect(await hub.check(true)).toEqual([])
  })

  it('that was found serves what is whole in it, and stays for files that nobody has uploaded again', async () => {
    const other = randomBytes(400_000)
    const xorb = makeXorb([...chunksOf(content), ...chunksOf(other)])
    const first = chunksOf(content).length
    const ends = xorb.index.frameEnds
    const one = makeFile(content, { xorb, start: 0, end: first })
    const two = makeFile(other, { xorb, start: first, end: ends.length })
    await expectStatus(200, alice.postXorb(xorb))
    await expectStatus(200, alice.postShard({ files: [one, two], xorbs: [] }))
    await hub.commit('alice', sha, sha256(other))
    await flip(xorb.hash, 1000)
    await expect(read(content)).rejects.toThrow(CorruptChunk)
    expect((await read(other)).equals(other)).toBe(true)

    await ingest(content)
    expect((await read(content)).equals(content)).toBe(true)
    expect((await alice.download(one.hash)).equals(content)).toBe(true)
    expect(await errors()).toEqual([`xorb ${xorb.hash}`])
    await ingest(other)
    expect((await read(other)).equals(other)).toBe(true)
    // No file needs it any more.
    expect((await hub.check(true)).map(finding => finding.severity)).toEqual(['notice'])
    await hub.collect()
    hub.time.now += gracePeriod
    expect(await hub.collect()).toMatchObject({ xorbs: 1 })
    expect(await hub.check(true)).toEqual([])
    expect((await read(content)).equals(content)).toBe(true)
  })

  it('is no hindrance to other content', async () => {
    await ingest(content)
    const { hash } = (await xorbs())[0]!
    await flip(hash, -60)
    await hub.check(true)
    const longer = Buffer.concat([content, randomBytes(200_000)])
    await ingest(longer)
    expect((await read(longer)).equals(longer)).toBe(true)
  })

  it('that was put back from a backup is as good as before', async () => {
    await ingest(content)
    const { hash } = (await xorbs())[0]!
    await flip(hash, 1000)
    expect(await errors()).toEqual([`xorb ${hash}`])
    await flip(hash, 1000)
    // It takes a look to know.
    expect((await hub.check(false))[0]!.words).toContain('--deep looks at it again')
    expect(await hub.check(true)).toEqual([])
    expect(await hub.check(false)).toEqual([])
  })

  it('is not what failed to be read once', async () => {
    const { fileHash } = await ingest(content)
    hub.objects.read = async (...range) => {
      hub.objects.read = (...later) => hub.store.read(...later)
      const bytes = await hub.store.read(...range)
      bytes[20]! ^= 1
      return bytes
    }
    await expect(read(content)).rejects.toThrow()
    expect(await hub.blobs.findDamaged([fileHash])).toEqual(new Set())
    expect((await read(content)).equals(content)).toBe(true)
  })

  it('that another upload finds whole a moment before stays marked', async () => {
    const { xorb, file } = await alice.upload(content)
    await flip(xorb.hash, 1000)
    // The upload has looked at the row when the damage is found.
    hub.objects.put = async (key, bytes) => {
      hub.objects.put = (...later) => hub.store.put(...later)
      return await hub.store.put(key, bytes)
    }
    hub.objects.size = async key => {
      hub.objects.size = later => hub.store.size(later)
      await hub.check(true)
      return await hub.store.size(key)
    }
    await expectStatus(503, alice.postXorb(xorb))
    expect(await errors()).toEqual([`xorb ${xorb.hash}`])
    await expectStatus(200, alice.postXorb(xorb))
    await expectStatus(200, alice.postShard({ files: [file], xorbs: [] }))
    expect(await hub.check(true)).toEqual([])
  })
})
