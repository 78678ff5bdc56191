import { randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startPostgres, type TestPostgres } from '../../../test/postgres.ts'
import { openPostgres } from '../../drivers/database-postgres.ts'
import { type BlobsForTest, inPieces, openBlobsForTest, readAll, sha256 } from './blobs-for-test.suite.ts'
import { CasClient, chunksOf, expectStatus, makeFile, makeXorb } from './cas-for-test.suite.ts'
import { FileNotHeld, FileRefuted } from './errors.ts'

const unknown = 'f'.repeat(64)

let postgres: TestPostgres
beforeAll(async () => {
  postgres = await startPostgres()
})
afterAll(() => postgres.stop())

describe.each(['sqlite', 'postgres'])('who refers to what, on %s', kind => {
  let hub: BlobsForTest
  beforeEach(async () => {
    hub = await openBlobsForTest(
      kind === 'sqlite' ? undefined : async () => openPostgres(await postgres.createDatabase()),
    )
  })
  afterEach(() => hub.close())

  const content = randomBytes(300_000)
  const sha = sha256(content)
  const other = randomBytes(300_000)
  const ingest = (holder: string, bytes = content) =>
    hub.blobs.ingest(holder, inPieces(bytes), { sha256: sha256(bytes), size: bytes.length })
  const describeOne = async (holder: string, sha256: string) =>
    (await hub.blobs.describe(holder, [sha256])).get(sha256)

  /** Claims that `bytes` hash to `claimedSha256`. */
  const claim = async (
    holder: string,
    bytes: Uint8Array,
    claimedSha256: string,
    chunks = chunksOf(bytes),
  ) => {
    const client = new CasClient(hub, holder, holder)
    const xorb = makeXorb(chunks)
    await expectStatus(200, client.postXorb(xorb))
    const file = { ...makeFile(bytes, { xorb, start: 0, end: chunks.length }), sha256: claimedSha256 }
    return { file, answer: await client.postShard({ files: [file], xorbs: [] }), client }
  }

  it('holds what was uploaded, and names what was not', async () => {
    await ingest('alice')
    await hub.commit('alice', sha)
    await hub.commit('alice', sha, sha)
    await hub.commit('alice')
    const refused = await hub.commit('alice', sha, unknown).catch(error => error)
    expect(refused).toBeInstanceOf(FileNotHeld)
    expect(refused).toMatchObject({ holder: 'alice', sha256s: [unknown] })
    await expect(hub.commit('bob', sha)).rejects.toBeInstanceOf(FileNotHeld)
  })

  it('describes many in one go', async () => {
    const files = Array.from({ length: 1200 }, (_, i) => Buffer.from(`file ${i}`))
    const xorb = makeXorb(files)
    const client = new CasClient(hub, 'alice', 'alice')
    await expectStatus(200, client.postXorb(xorb))
    const made = files.map((bytes, i) => makeFile(bytes, { xorb, start: i, end: i + 1 }))
    await expectStatus(200, client.postShard({ files: made, xorbs: [] }))
    const found = await hub.blobs.describe('alice', [...made.map(file => file.sha256!), unknown])
    expect(found.size).toBe(1200)
    expect(found.get(sha256(files[777]!))).toMatchObject({ fileHash: made[777]!.hash, size: 8 })
    await hub.commit('alice', ...made.map(file => file.sha256!))
  })

  it('shares between holders', async () => {
    await ingest('alice')
    const { fileHash } = (await describeOne('alice', sha))!
    const share = async (sha256: string, hash: string) => [
      ...(await hub.database.transaction(tx =>
        hub.blobs.share(tx, { from: 'alice', to: 'bob', files: [{ sha256, fileHash: hash }] }),
      )),
    ]
    // What no commit refers to may be an upload that its owner thinks better of.
    expect(await share(sha, fileHash)).toEqual([])
    await hub.commit('alice', sha)
    expect(await share(sha, unknown)).toEqual([])
    expect(await share(unknown, fileHash)).toEqual([])
    expect(await describeOne('bob', sha)).toBeUndefined()
    expect(await share(sha, fileHash)).toEqual([sha])
    expect(await share(sha, fileHash)).toEqual([sha])
    await hub.commit('bob', sha)
    expect(await describeOne('bob', sha)).toEqual(await describeOne('alice', sha))
    await hub.database.transaction(tx => hub.blobs.release(tx, 'alice'))
    expect(await describeOne('alice', sha)).toBeUndefined()
    expect((await readAll(hub.blobs.read((await describeOne('bob', sha))!))).equals(content)).toBe(true)
  })

  it('shares all that is committed with a new holder, page by page', async () => {
    const files = Array.from({ length: 30 }, (_, i) => Buffer.from(`file ${i}`))
    for (const bytes of files) await ingest('alice', bytes)
    const sha256s = files.map(sha256).sort()
    const [late = '', ...committed] = sha256s
    await hub.commit('alice', ...committed)
    await hub.database.transaction(tx => hub.blobs.shareAll(tx, { from: 'alice', to: 'carol' }))
    expect(await describeOne('carol', late)).toBeUndefined()
    const first = await hub.blobs.committed('carol', '', 20)
    const second = await hub.blobs.committed('carol', first.at(-1)!.sha256, 20)
    expect([...first, ...second].map(file => file.sha256)).toEqual(committed)
    expect(first[0]).toMatchObject({ state: 'proven', committedAt: expect.any(Number) })

    const [gone = '', kept = ''] = committed
    await hub.database.transaction(tx => hub.blobs.release(tx, 'carol', [gone, late]))
    expect(await describeOne('carol', gone)).toBeUndefined()
    expect(await describeOne('carol', kept)).toBeDefined()
    expect(await describeOne('alice', gone)).toBeDefined()
  })

  it('refutes a false claim, and never serves it', async () => {
    const { file, client } = await claim('mallory', other, sha)
    await hub.commit('mallory', sha)
    const claimed = (await describeOne('mallory', sha))!
    expect(claimed).toMatchObject({ fileHash: file.hash, state: 'unproven' })
    await hub.proveClaims()
    const refuted = (await describeOne('mallory', sha))!
    expect(refuted.state).toBe('refuted')
    expect(() => hub.blobs.read(refuted)).toThrow(FileRefuted)
    await expectStatus(422, client.get(`/v2/reconstructions/${file.hash}`))
    await expect(hub.commit('mallory', sha)).rejects.toBeInstanceOf(FileRefuted)
    const files = [{ sha256: sha, fileHash: file.hash }]
    const shared = await hub.database.transaction(tx =>
      hub.blobs.share(tx, { from: 'mallory', to: 'bob', files }),
    )
    expect(shared.size).toBe(0)
    // The true content takes its place when the holder uploads it.
    await ingest('mallory')
    expect(await describeOne('mallory', sha)).toMatchObject({ state: 'proven' })
    await hub.commit('mallory', sha)
  })

  it('lets no claim of another holder change what a holder reads', async () => {
    await claim('mallory', other, sha)
    await ingest('alice')
    await claim('mallory', other, sha)
    await hub.proveClaims()
    expect((await readAll(hub.blobs.read((await describeOne('alice', sha))!))).equals(content)).toBe(true)
    expect((await describeOne('mallory', sha))!.state).toBe('refuted')
  })

  it('lets no false name stick to a true file', async () => {
    // Mallory has the bytes of content and says that they hash to something else, before anybody has read them.
    await claim('mallory', content, sha256(other))
    const { answer } = await claim('alice', content, sha)
    expect(answer.statusCode).toBe(200)
    await hub.proveClaims()
    expect(await describeOne('alice', sha)).toMatchObject({ state: 'proven' })
    expect(await describeOne('mallory', sha256(other))).toMatchObject({ state: 'refuted' })
    // Once it is known what the file is, a false claim is refused at once.
    expect((await claim('mallory', content, unknown)).answer.statusCode).toBe(400)
  })

  it('keeps the first of two true files, and the proven one of two', async () => {
    const chunks = [
      content.subarray(0, 1000),
      content.subarray(1000, 100_000),
      content.subarray(100_000, 200_000),
    ]
    const odd = await claim('alice', content, sha, [...chunks, content.subarray(200_000)])
    expect(await describeOne('alice', sha)).toMatchObject({ fileHash: odd.file.hash, state: 'unproven' })
    const proven = await ingest('alice')
    expect(proven.fileHash).not.toBe(odd.file.hash)
    expect(await describeOne('alice', sha)).toEqual(proven)
    await claim('alice', content, sha, [...chunks, content.subarray(200_000)])
    await claim('alice', other, sha)
    expect(await describeOne('alice', sha)).toEqual(proven)
  })

  it('finds for a user what it could read, and nothing else', async () => {
    await ingest('alice')
    hub.readers.set('alice', new Set(['bob', 'nobody']))
    expect((await hub.blobs.findReadable('bob', [sha])).size).toBe(0)
    await hub.commit('alice', sha)
    expect([...(await hub.blobs.findReadable('bob', [sha, unknown])).keys()]).toEqual([sha])
    expect((await hub.blobs.findReadable('carol', [sha])).size).toBe(0)
    expect((await hub.blobs.findReadable(undefined, [sha])).size).toBe(1)
    expect((await hub.blobs.adopt('carol', 'carol/model', [sha])).size).toBe(0)
    expect(await describeOne('carol/model', sha)).toBeUndefined()
    const adopted = await hub.blobs.adopt('bob', 'bob/model', [sha, unknown])
    expect([...adopted.keys()]).toEqual([sha])
    expect(await describeOne('bob/model', sha)).toEqual(adopted.get(sha))
    await hub.commit('bob/model', sha)
  })

  it('offers nobody what is not proven', async () => {
    await claim('mallory', other, sha)
    await hub.commit('mallory', sha)
    hub.readers.set('mallory', new Set(['bob']))
    expect((await hub.blobs.adopt('bob', 'bob/model', [sha])).size).toBe(0)
    await hub.proveClaims()
    expect((await hub.blobs.adopt('bob', 'bob/model', [sha])).size).toBe(0)
  })
})
