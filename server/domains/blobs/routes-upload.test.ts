import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parseShard, type ShardFile } from '../../formats/shard.ts'
import { encodeShard } from '../../formats/shard-encode.ts'
import { clientFiles } from '../../formats/testdata/client-files.ts'
import { hfXetUpload, huggingfaceJsUpload } from '../../formats/testdata/client-uploads.ts'
import { encodeXorbFooter, xorbFooterLength } from '../../formats/xorb-footer.ts'
import { encodeStoredFrame } from '../../formats/xorb-frame.ts'
import {
  type BlobsForTest,
  inPieces,
  isHeld,
  openBlobsForTest,
  readAll,
  sha256,
} from './blobs-for-test.suite.ts'
import { BlockMemory } from './block-memory.ts'
import {
  CasClient,
  chunksOf,
  encodeLz4Frame,
  expectStatus,
  makeFile,
  makeXorb,
} from './cas-for-test.suite.ts'
import { splitFrames } from './split-frames.ts'

const anyHash = 'a'.repeat(64)

describe('uploading by Xet', () => {
  let hub: BlobsForTest
  let alice: CasClient
  beforeEach(async () => {
    hub = await openBlobsForTest()
    alice = new CasClient(hub, 'alice/model', 'alice')
  })
  afterEach(() => hub.close())

  const content = randomBytes(1_000_000)
  const whole = makeXorb(chunksOf(content))
  const wholeFile = makeFile(content, { xorb: whole, start: 0, end: whole.index.frameEnds.length })
  const count = whole.index.frameEnds.length
  const stored = async (hash: string) =>
    (await hub.tables.selectFrom('xorbs').selectAll().where('hash', '=', hash).execute()).length === 1

  it.each(Object.entries({ hfXetUpload, huggingfaceJsUpload }))(
    'takes what a real client sent: %s',
    async (_, upload) => {
      for (const xorb of upload.xorbs) {
        expect((await expectStatus(200, alice.postXorb(xorb))).json()).toEqual({ was_inserted: true })
      }
      await expectStatus(200, alice.postShard(upload.shard))
      await hub.proveClaims()
      const byText = new Map(Object.values(clientFiles).map(bytes => [sha256(bytes), bytes]))
      const { files } = parseShard(upload.shard)
      expect(files.length).toBeGreaterThan(0)
      for (const claimed of files) {
        const file = (await hub.blobs.describe('alice/model', [claimed.sha256!])).get(claimed.sha256!)!
        expect(file).toMatchObject({ fileHash: claimed.hash, state: 'proven' })
        expect((await readAll(hub.blobs.read(file))).equals(byText.get(claimed.sha256!)!)).toBe(true)
        expect((await alice.download(claimed.hash)).equals(byText.get(claimed.sha256!)!)).toBe(true)
      }
      expect(await hub.check(true)).toEqual([])
    },
  )

  it('stores a xorb once, with a footer of its own, with or without one in the upload', async () => {
    const footer = encodeXorbFooter(whole.index)
    expect(
      (
        await expectStatus(200, alice.postXorb({ ...whole, body: Buffer.concat([whole.body, footer]) }))
      ).json(),
    ).toEqual({
      was_inserted: true,
    })
    const object = await readAll(hub.store.stream(`xorbs/${whole.hash.slice(0, 2)}/${whole.hash}`))
    expect(object.equals(Buffer.concat([whole.body, footer]))).toBe(true)
    expect((await expectStatus(200, alice.postXorb(whole))).json()).toEqual({ was_inserted: false })
    expect(await hub.tables.selectFrom('xorbs').selectAll().executeTakeFirst()).toMatchObject({
      chunk_count: count,
      raw_bytes: content.length,
      frames_bytes: whole.body.length,
      object_bytes: whole.body.length + xorbFooterLength(count),
      uploaded_for: 'alice/model',
    })
  })

  it('stores nothing of a xorb that is not what its name says', async () => {
    const flipped = Buffer.from(whole.body)
    flipped[500_000]! ^= 1
    const lastFlipped = Buffer.from(whole.body)
    lastFlipped[lastFlipped.length - 1]! ^= 1
    const otherFooter = encodeXorbFooter(makeXorb(chunksOf(content.subarray(100))).index)
    const lies: Record<string, { hash: string; body: Uint8Array }> = {
      'flipped byte': { hash: whole.hash, body: flipped },
      'flipped last byte': { hash: whole.hash, body: lastFlipped },
      'other name': { hash: anyHash, body: whole.body },
      'cut inside a frame': { hash: whole.hash, body: whole.body.subarray(0, -5) },
      'cut at a frame': { hash: whole.hash, body: whole.body.subarray(0, whole.index.frameEnds.at(-2)) },
      'cut inside a header': {
        hash: whole.hash,
        body: whole.body.subarray(0, whole.index.frameEnds[0]! + 5),
      },
      'footer of another xorb': { hash: whole.hash, body: Buffer.concat([whole.body, otherFooter]) },
      'footer cut short': {
        hash: whole.hash,
        body: Buffer.concat([whole.body, encodeXorbFooter(whole.index).subarray(0, -1)]),
      },
      'something after the frames': {
        hash: whole.hash,
        body: Buffer.concat([whole.body, Buffer.from('more')]),
      },
      'zeros after the frames': { hash: whole.hash, body: Buffer.concat([whole.body, Buffer.alloc(16)]) },
      nothing: { hash: whole.hash, body: Buffer.alloc(0) },
    }
    for (const [name, lie] of Object.entries(lies)) {
      const answer = await alice.postXorb(lie)
      expect([name, answer.statusCode]).toEqual([name, 400])
      expect(await stored(lie.hash)).toBe(false)
      expect(await hub.store.size(`xorbs/${lie.hash.slice(0, 2)}/${lie.hash}`)).toBeUndefined()
    }
    await expectStatus(400, alice.postXorb({ hash: 'A'.repeat(64), body: whole.body }))
    // Nor does a name that is stored already excuse a lie.
    await expectStatus(200, alice.postXorb(whole))
    await expectStatus(400, alice.postXorb({ hash: whole.hash, body: flipped }))
  })

  it('finds the lie in a xorb of many batches', async () => {
    const large = makeXorb(chunksOf(randomBytes(12_000_000)))
    for (const at of [10, 6_000_000, large.body.length - 10]) {
      const flipped = Buffer.from(large.body)
      flipped[at]! ^= 1
      const answer = await expectStatus(400, alice.postXorb({ hash: large.hash, body: flipped }))
      expect(answer.body).toContain(large.hash)
    }
    expect(await stored(large.hash)).toBe(false)
    await expectStatus(200, alice.postXorb(large))
    const upload = { files: [], xorbs: [{ hash: large.hash, chunks: large.index.chunks }] }
    await expectStatus(200, alice.postShard(upload))
    expect(await hub.check(true)).toEqual([])
  })

  it('keeps apart what comes at the same time, compressed or not, with lies and cut uploads between', async () => {
    const made = Array.from({ length: 6 }, (_, i) => {
      // Half random, half zeros, so that LZ4 has something to do.
      const chunks = Array.from({ length: 60 }, () =>
        Buffer.concat([randomBytes(50_000), Buffer.alloc(20_000)]),
      )
      return makeXorb(chunks, i % 2 === 0 ? encodeStoredFrame : encodeLz4Frame)
    })
    const answers = await Promise.all(
      made.flatMap(({ hash, body }, i) => {
        const flipped = Buffer.from(body)
        flipped[Math.floor((body.length * (i + 1)) / 7)]! ^= 1
        return [
          alice.postXorb({ hash, body: flipped }),
          alice.postXorb({ hash, body }),
          alice.postXorb({ hash, body: body.subarray(0, -100_000 * i - 1) }),
        ]
      }),
    )
    expect(answers.map(answer => answer.statusCode)).toEqual(made.flatMap(() => [400, 200, 400]))
    for (const { hash, body } of made) {
      const object = await readAll(hub.store.stream(`xorbs/${hash.slice(0, 2)}/${hash}`))
      expect(object.subarray(0, body.length).equals(body)).toBe(true)
    }
    expect(await hub.check(true)).toEqual([])
  })

  it('stops a xorb that has too many chunks or bytes', async () => {
    const tiny = Buffer.concat(Array.from({ length: 8193 }, () => encodeStoredFrame(Buffer.from('x'))))
    await expectStatus(413, alice.postXorb({ hash: anyHash, body: tiny }))
    const mebibyte = Buffer.concat(Array.from({ length: 8 }, () => encodeStoredFrame(Buffer.alloc(131_072))))
    let taken = 0
    async function* endless() {
      for (;;) {
        taken += mebibyte.length
        yield mebibyte
      }
    }
    await expect(async () => {
      for await (const _ of splitFrames('xorb', endless(), new BlockMemory()));
    }).rejects.toThrow('over the limit')
    expect(taken).toBeLessThan(68 * 1024 * 1024)
  })

  it('stops a xorb whose footer has no end', async () => {
    const endless = Buffer.concat([whole.body, Buffer.alloc(2_000_000, 'X')])
    const answer = await expectStatus(413, alice.postXorb({ hash: whole.hash, body: endless }))
    expect(answer.body).toContain('its footer')
  })

  it('cuts frames the same however they arrive', async () => {
    const upload = Buffer.concat([whole.body, encodeXorbFooter(whole.index)])
    for (const size of [1, 7, 8, 9, 4096, 65_536, upload.length]) {
      const body = size < 100 ? upload.subarray(upload.length - 70_000 - 8) : upload
      // From the last frame on, for single bytes take long.
      const from =
        size < 100 ? Buffer.concat([encodeStoredFrame(Buffer.alloc(9)), encodeXorbFooter(whole.index)]) : body
      let frames = Buffer.alloc(0)
      let footer = Buffer.alloc(0)
      let chunks = 0
      for await (const part of splitFrames('xorb', inPieces(from, size), new BlockMemory())) {
        if ('footer' in part) {
          footer = Buffer.from(part.footer)
          continue
        }
        expect(part.position).toBe(chunks)
        chunks += part.count
        frames = Buffer.concat([frames, part.bytes])
      }
      expect(Buffer.concat([frames, footer]).equals(from)).toBe(true)
      expect(footer.equals(encodeXorbFooter(whole.index))).toBe(true)
    }
  })

  it('grants only what is stored whole', async () => {
    const grant = () => alice.request('POST', `/v1/xorb-grants/default/${whole.hash}`, '{"length":1}')
    await expectStatus(404, grant())
    await expectStatus(200, alice.postXorb(whole))
    await expectStatus(200, grant())
    await hub.store.delete(`xorbs/${whole.hash.slice(0, 2)}/${whole.hash}`)
    await expectStatus(404, grant())
    // And sending it again heals the loss.
    await expectStatus(200, alice.postXorb(whole))
    await expectStatus(200, grant())
    expect(await hub.check(true)).toEqual([])
    await expectStatus(404, alice.request('POST', `/v1/xorb-commits/default/${whole.hash}/grant/1`))
  })

  it('registers files whose terms are proven, and again', async () => {
    await expectStatus(200, alice.postXorb(whole))
    const half = count >> 1
    const twice = Buffer.concat([
      content,
      content.subarray(
        0,
        whole.index.chunks.lengths.slice(0, half).reduce((a, b) => a + b),
      ),
    ])
    const file = makeFile(twice, { xorb: whole, start: 0, end: count }, { xorb: whole, start: 0, end: half })
    for (let i = 0; i < 3; i++)
      await expectStatus(200, alice.postShard({ files: [wholeFile, file, file], xorbs: [] }))
    const found = await hub.blobs.describe('alice/model', [sha256(twice), sha256(content)])
    expect(found.get(sha256(twice))).toEqual({
      fileHash: file.hash,
      sha256: sha256(twice),
      size: twice.length,
      state: 'unproven',
    })
    expect((await readAll(hub.blobs.read(found.get(sha256(twice))!))).equals(twice)).toBe(true)
    await hub.proveClaims()
    expect((await hub.blobs.describe('alice/model', [sha256(twice)])).get(sha256(twice))?.state).toBe(
      'proven',
    )
    await expectStatus(200, alice.postShard({ files: [], xorbs: [] }))
  })

  it('takes an empty file', async () => {
    const empty = makeFile(new Uint8Array())
    await expectStatus(200, alice.postShard({ files: [empty], xorbs: [] }))
    expect((await alice.download(empty.hash)).length).toBe(0)
    const file = (await hub.blobs.describe('alice/model', [empty.sha256!])).get(empty.sha256!)!
    expect(await readAll(hub.blobs.read(file))).toHaveLength(0)
  })

  it('refuses a shard that says what is not so, and keeps nothing of it', async () => {
    await expectStatus(200, alice.postXorb(whole))
    const other = makeXorb(chunksOf(randomBytes(400_000)))
    const term = wholeFile.terms[0]!
    const withTerm = (changes: object): ShardFile => ({ ...wholeFile, terms: [{ ...term, ...changes }] })
    const { rangeHash: _, ...proofless } = term
    const { sha256: __, ...nameless } = wholeFile
    const part = makeFile(content, { xorb: whole, start: 0, end: count - 1 })
    const lies: Record<
      string,
      { files: ShardFile[]; xorbs?: { hash: string; chunks: typeof whole.index.chunks }[]; says: string }
    > = {
      'foreign xorb': {
        files: [makeFile(content, { xorb: other, start: 0, end: 2 })],
        says: 'is not stored',
      },
      'listed xorb that is not stored': {
        files: [],
        xorbs: [{ hash: other.hash, chunks: other.index.chunks }],
        says: 'is not stored',
      },
      'length too large': {
        files: [withTerm({ unpackedLength: term.unpackedLength + 1 })],
        says: 'its chunks have',
      },
      'range past the end': { files: [withTerm({ chunkEnd: count + 1 })], says: `which has ${count}` },
      'wrong range hash': { files: [withTerm({ rangeHash: anyHash })], says: 'range hash' },
      'no range hash': { files: [{ ...wholeFile, terms: [proofless] }], says: 'range hash' },
      'wrong file hash': { files: [{ ...wholeFile, hash: anyHash }], says: 'its chunks hash to' },
      'hash of a part': { files: [{ ...wholeFile, terms: part.terms }], says: 'its chunks hash to' },
      'no sha256': { files: [nameless], says: 'without its sha256' },
      'two sha256s': { files: [wholeFile, { ...wholeFile, sha256: anyHash }], says: 'two sha256s' },
      'chunks of another xorb': {
        files: [wholeFile],
        xorbs: [{ hash: whole.hash, chunks: other.index.chunks }],
        says: 'other chunks',
      },
    }
    for (const [name, { files, xorbs, says }] of Object.entries(lies)) {
      const shard = encodeShard({ files, xorbs: xorbs ?? [] })
      const answer = await alice.postShard(shard)
      expect([name, answer.statusCode]).toEqual([name, 400])
      expect(answer.body).toContain(says)
      const lines = (await expectStatus(200, alice.request('POST', '/v2/shards', shard))).body
        .trim()
        .split('\n')
      expect(JSON.parse(lines.at(-1)!)).toMatchObject({ type: 'error', retryable: false })
    }
    expect(await hub.tables.selectFrom('files').selectAll().execute()).toEqual([])
    expect(await hub.tables.selectFrom('holdings').selectAll().execute()).toEqual([])
    await expectStatus(400, alice.postShard(Buffer.from('no shard')))
  })

  it('limits how often a shard may name the same chunks', async () => {
    await expectStatus(200, alice.postXorb(whole))
    const term = { ...wholeFile.terms[0]!, chunkEnd: 0xffff_ffff }
    await expectStatus(413, alice.postShard({ files: [{ ...wholeFile, terms: [term] }], xorbs: [] }))
  })

  it('tells how a shard goes, in lines', async () => {
    await expectStatus(200, alice.postXorb(whole))
    const shard = encodeShard({ files: [wholeFile], xorbs: [] })
    const answer = await expectStatus(200, alice.request('POST', '/v2/shards', shard))
    expect(answer.headers['content-type']).toContain('application/x-ndjson')
    const lines = answer.body
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    expect(lines[0].type).toBe('validating')
    expect(lines.at(-1)).toEqual({ type: 'result' })
    expect(lines.filter(line => line.type === 'result')).toHaveLength(1)
    expect(await isHeld(hub.blobs, 'alice/model', wholeFile.sha256!)).toBe(true)
  })

  it('holds few bytes of shards at once, however many come, and takes them all', async () => {
    const mebibyte = 1024 * 1024
    let pulled = 0
    const gate = Promise.withResolvers<void>()
    async function* body() {
      for (let i = 0; i < 40; i++) {
        pulled += mebibyte
        yield Buffer.alloc(mebibyte)
      }
      // What came so far is held.
      await gate.promise
    }
    const answers = Array.from({ length: 8 }, (_, i) =>
      alice.request('POST', i % 2 ? '/v1/shards' : '/v2/shards', Readable.from(body())),
    )
    for (let seen = -1; seen !== pulled; await sleep(300)) seen = pulled
    // The limit, the oldest one beyond it, and what is on its way.
    expect(pulled).toBeLessThan(8 * 30 * mebibyte)
    expect(pulled).toBeGreaterThan(100 * mebibyte)
    gate.resolve()
    const statuses = (await Promise.all(answers)).map(answer => answer.statusCode)
    expect(new Set(statuses)).toEqual(new Set([200, 400]))
  }, 60_000)

  it('lets in whoever has a token of the right scope', async () => {
    const reader = new CasClient(hub, 'alice/model', 'alice', 'read')
    await expectStatus(403, reader.postXorb(whole))
    await expectStatus(403, reader.postShard({ files: [], xorbs: [] }))
    await expectStatus(204, reader.request('POST', '/v1/telemetry', '{"any":"thing"}'))
    await expectStatus(204, reader.request('POST', '/../v1/telemetry', '{"any":"thing"}'))
    const bare = (headers: Record<string, string>) =>
      hub.app.inject({
        method: 'POST',
        url: `/cas/v1/xorbs/default/${whole.hash}`,
        headers,
        payload: whole.body,
      })
    await expectStatus(401, bare({}))
    await expectStatus(401, bare({ authorization: 'Bearer xet_abc.def' }))
    const { accessToken, exp } = hub.blobs.issueToken({
      repo: 'alice/model',
      holder: 'alice/model',
      by: 'anyone',
      subject: 'alice',
      scope: 'write',
    })
    expect(exp * 1000 - hub.time.now).toBeGreaterThan(15 * 60 * 1000)
    const [payload, signature] = accessToken.split('.')
    const forged = Buffer.from(JSON.stringify({ holder: 'bob', scope: 'write', exp })).toString('base64url')
    await expectStatus(401, bare({ authorization: `Bearer xet_${forged}.${signature}` }))
    await expectStatus(200, bare({ authorization: `Bearer ${payload}.${signature}` }))
    hub.time.now = exp * 1000
    await expectStatus(401, bare({ authorization: `Bearer ${accessToken}` }))
  })
})
