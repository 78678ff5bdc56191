import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ShardFile } from '../../formats/shard.ts'
import { type BlobsForTest, inPieces, openBlobsForTest, sha256 } from './blobs-for-test.suite.ts'
import { CasClient, chunksOf, expectStatus, type MadeXorb, makeFile, makeXorb } from './cas-for-test.suite.ts'

describe('downloading by Xet', () => {
  let hub: BlobsForTest
  let alice: CasClient
  beforeEach(async () => {
    hub = await openBlobsForTest()
    alice = new CasClient(hub, 'alice/model', 'alice')
  })
  afterEach(() => hub.close())

  const contents = [randomBytes(900_000), randomBytes(700_000)]
  const [left, right] = contents.map(bytes => makeXorb(chunksOf(bytes))) as [MadeXorb, MadeXorb]
  const raw = (xorb: MadeXorb, start: number, end: number) => {
    const { lengths } = xorb.index.chunks
    const offset = lengths.slice(0, start).reduce((a, b) => a + b, 0)
    const bytes = xorb === left ? contents[0]! : contents[1]!
    return bytes.subarray(offset, offset + lengths.slice(start, end).reduce((a, b) => a + b, 0))
  }
  /** Terms that lie apart, touch, overlap and go backwards. */
  const runs = [
    { xorb: left, start: 2, end: 5 },
    { xorb: right, start: 0, end: 3 },
    { xorb: left, start: 7, end: 9 },
    { xorb: left, start: 0, end: 1 },
    { xorb: left, start: 5, end: 6 },
    { xorb: right, start: 2, end: 6 },
    { xorb: left, start: 3, end: 4 },
  ]
  const content = Buffer.concat(runs.map(({ xorb, start, end }) => raw(xorb, start, end)))
  const file: ShardFile = makeFile(content, ...runs)

  const upload = async () => {
    for (const xorb of [left, right]) await expectStatus(200, alice.postXorb(xorb))
    await expectStatus(200, alice.postShard({ files: [file], xorbs: [] }))
  }

  it('words a reconstruction as the protocol does', async () => {
    await upload()
    const ends = left.index.frameEnds
    const v2 = (await expectStatus(200, alice.get(`/v2/reconstructions/${file.hash}`))).json()
    expect(v2.offset_into_first_range).toBe(0)
    expect(v2.terms).toEqual(
      file.terms.map(term => ({
        hash: term.xorb,
        unpacked_length: term.unpackedLength,
        range: { start: term.chunkStart, end: term.chunkEnd },
      })),
    )
    expect(Object.keys(v2.xorbs).sort()).toEqual([left.hash, right.hash].sort())
    expect(v2.xorbs[left.hash]).toEqual([
      {
        url: expect.stringMatching(/^http:\/\/localhost(:80)?\/cas\/v1\/data\//),
        ranges: [
          { chunks: { start: 0, end: 1 }, bytes: { start: 0, end: ends[0]! - 1 } },
          { chunks: { start: 2, end: 6 }, bytes: { start: ends[1]!, end: ends[5]! - 1 } },
          { chunks: { start: 7, end: 9 }, bytes: { start: ends[6]!, end: ends[8]! - 1 } },
        ],
      },
    ])
    const v1 = (await expectStatus(200, alice.get(`/v1/reconstructions/${file.hash}`))).json()
    expect(v1.terms).toEqual(v2.terms)
    expect(v1.fetch_info[right.hash]).toEqual([
      {
        range: { start: 0, end: 6 },
        url: expect.stringContaining(`/cas/v1/data/${right.hash}?file=${file.hash}`),
        url_range: { start: 0, end: right.index.frameEnds[5]! - 1 },
      },
    ])
    const urls = [...v1.fetch_info[left.hash], ...v1.fetch_info[right.hash]].map(
      (entry: { url: string }) => entry.url,
    )
    expect(new Set(urls).size).toBe(urls.length)
  })

  it('gives any range as the slice', async () => {
    await upload()
    expect((await alice.download(file.hash)).equals(content)).toBe(true)
    await fc.assert(
      fc.asyncProperty(fc.nat(content.length - 1), fc.nat(content.length), async (start, length) => {
        const end = Math.min(start + length, content.length - 1)
        const found = await alice.download(file.hash, `bytes=${start}-${end}`)
        expect(found.subarray(0, end - start + 1).equals(content.subarray(start, end + 1))).toBe(true)
        // Not a chunk more than is needed.
        expect(found.length - (end - start + 1)).toBeLessThan(131_072)
      }),
      { numRuns: 60 },
    )
    const size = content.length
    expect((await alice.download(file.hash, `bytes=${size - 1}-`)).equals(content.subarray(-1))).toBe(true)
    expect((await alice.download(file.hash, 'bytes=-10')).equals(content.subarray(-10))).toBe(true)
    expect((await alice.download(file.hash, `bytes=0-${size * 2}`)).equals(content)).toBe(true)
    for (const version of ['v1', 'v2']) {
      await expectStatus(
        416,
        alice.get(`/${version}/reconstructions/${file.hash}`, `bytes=${size}-${size + 5}`),
      )
    }
  })

  it('reconstructs many files in one request', async () => {
    await upload()
    const other = await alice.upload(randomBytes(50_000))
    const unknown = 'e'.repeat(64)
    const query = `?file_id=${file.hash}&file_id=${other.file.hash}&file_id=${unknown}`
    const got = (await expectStatus(200, alice.get(`/v1/reconstructions${query}`))).json()
    expect(Object.keys(got.files).sort()).toEqual([file.hash, other.file.hash].sort())
    expect(Object.keys(got.fetch_info).sort()).toEqual([left.hash, right.hash, other.xorb.hash].sort())
    const keys = [file.hash, { prefix: 'default', hash: other.file.hash }, unknown]
    const posted = await expectStatus(200, alice.request('POST', '/v1/reconstructions', JSON.stringify(keys)))
    expect(Object.keys(posted.json().files).sort()).toEqual([file.hash, other.file.hash].sort())
    const one = (await expectStatus(200, alice.get(`/v1/reconstructions?file_id=${file.hash}`))).json()
    expect(Object.keys(one.files)).toEqual([file.hash])
  })

  const urlOf = async (xorb: string): Promise<string> => {
    const answer = (await expectStatus(200, alice.get(`/v2/reconstructions/${file.hash}`))).json()
    const url = new URL(answer.xorbs[xorb][0].url)
    return url.pathname + url.search
  }
  const fetchBytes = (url: string, range?: string) =>
    hub.app.inject({ method: 'GET', url, ...(range !== undefined && { headers: { range } }) })

  it('serves exactly the bytes that the file uses', async () => {
    await upload()
    const url = await urlOf(left.hash)
    const ends = left.index.frameEnds
    const inside = await expectStatus(206, fetchBytes(url, `bytes=${ends[1]}-${ends[5]! - 1}`))
    expect(inside.rawPayload.equals(left.body.subarray(ends[1], ends[5]))).toBe(true)
    const part = await expectStatus(206, fetchBytes(url, `bytes=${ends[1]! + 10}-${ends[1]! + 19}`))
    expect(part.rawPayload.equals(left.body.subarray(ends[1]! + 10, ends[1]! + 20))).toBe(true)
    const outside = [
      undefined,
      `bytes=${ends[1]! - 1}-${ends[5]! - 1}`,
      `bytes=${ends[1]}-${ends[5]}`,
      `bytes=${ends[0]}-${ends[1]! - 1}`,
      'bytes=0-',
      `bytes=0-${ends[0]! - 1},${ends[5]}-${ends[5]! + 10}`,
      `bytes=${left.body.length}-${left.body.length + 10}`,
      'bytes=x',
    ]
    for (const range of outside)
      expect([range, (await fetchBytes(url, range)).statusCode]).toEqual([range, 403])
  })

  it('serves several ranges as one multipart answer', async () => {
    await upload()
    const ends = left.index.frameEnds
    const url = await urlOf(left.hash)
    const range = `bytes=0-${ends[0]! - 1},${ends[1]}-${ends[5]! - 1},${ends[6]}-${ends[8]! - 1}`
    const answer = await expectStatus(206, fetchBytes(url, range))
    const type = String(answer.headers['content-type'])
    const boundary = /^multipart\/byteranges; ?boundary=(.+)$/.exec(type)?.[1]
    const parts = answer.rawPayload.toString('latin1').split(`\r\n--${boundary}`)
    expect(parts).toHaveLength(5)
    const bodies = parts.slice(1, -1).map(part => part.slice(part.indexOf('\r\n\r\n') + 4))
    expect(bodies[1]).toBe(left.body.subarray(ends[1], ends[5]).toString('latin1'))
    expect(parts[2]).toContain(`Content-Range: bytes ${ends[1]}-${ends[5]! - 1}/${left.body.length}`)
    expect(answer.rawPayload.length).toBe(Number(answer.headers['content-length']))
  })

  it('binds a URL to its file, its xorb and its hour', async () => {
    await upload()
    const other = await alice.upload(randomBytes(50_000))
    const url = await urlOf(left.hash)
    const range = `bytes=0-${left.index.frameEnds[0]! - 1}`
    await expectStatus(206, fetchBytes(url, range))
    await expectStatus(403, fetchBytes(url.replace(file.hash, other.file.hash), range))
    await expectStatus(403, fetchBytes(url.replace(left.hash, right.hash), range))
    await expectStatus(403, fetchBytes(url.replace(/exp=\d+/, 'exp=9999999999'), range))
    await expectStatus(403, fetchBytes(url.replace(/&exp=.*/, ''), range))
    hub.time.now += 61 * 60 * 1000
    await expectStatus(403, fetchBytes(url, range))
  })

  it('splits the ranges of a very scattered file over entries with URLs of their own', async () => {
    const small = Array.from({ length: 600 }, (_, i) => Buffer.from(`chunk ${i}`))
    const xorb = makeXorb(small)
    const odd = small.filter((_, i) => i % 2 === 1)
    const scattered = makeFile(
      Buffer.concat(odd),
      ...odd.map((_, i) => ({ xorb, start: 2 * i + 1, end: 2 * i + 2 })),
    )
    await expectStatus(200, alice.postXorb(xorb))
    await expectStatus(200, alice.postShard({ files: [scattered], xorbs: [] }))
    const answer = (await expectStatus(200, alice.get(`/v2/reconstructions/${scattered.hash}`))).json()
    const entries = answer.xorbs[xorb.hash] as { url: string; ranges: unknown[] }[]
    expect(entries.map(entry => entry.ranges.length)).toEqual([128, 128, 44])
    expect(new Set(entries.map(entry => entry.url)).size).toBe(3)
    expect((await alice.download(scattered.hash)).equals(Buffer.concat(odd))).toBe(true)
  })

  it('reads what came by the other door, and the other way round', async () => {
    const bytes = randomBytes(3_000_000)
    const file = await hub.blobs.ingest('alice/model', inPieces(bytes), {
      sha256: sha256(bytes),
      size: bytes.length,
    })
    const reader = new CasClient(hub, 'alice/model', 'bob', 'read')
    expect((await reader.download(file.fileHash)).equals(bytes)).toBe(true)
  })

  it('shows a file only to tokens of a holder that has it', async () => {
    await upload()
    const stranger = new CasClient(hub, 'bob/model', 'bob')
    for (const path of [`/v2/reconstructions/${file.hash}`, `/v1/reconstructions/${file.hash}`]) {
      const refused = await expectStatus(404, stranger.get(path))
      const unknown = await expectStatus(404, stranger.get(path.replace(file.hash, 'e'.repeat(64))))
      expect(unknown.body.replaceAll('e'.repeat(64), file.hash)).toBe(refused.body)
    }
    await expectStatus(400, stranger.get('/v2/reconstructions/nonsense'))
  })
})
