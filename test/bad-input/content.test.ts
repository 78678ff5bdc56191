import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { beforeAll, describe, expect, it } from 'vitest'
import { chunksOf, makeFile, makeXorb } from '../../server/domains/blobs/cas-for-test.suite.ts'
import { encodeShard } from '../../server/formats/shard-encode.ts'
import { splitmix64 } from '../../server/formats/testdata/splitmix64.ts'
import { encodeXorbFooter } from '../../server/formats/xorb-footer.ts'
import { BadInputStage } from './stage.ts'

const stage = new BadInputStage()
const batch = '/alice/model.git/info/lfs/objects/batch'
const sha256Of = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const content = Buffer.from(splitmix64(300_000, 7n))
const oid = sha256Of(content)

interface Action {
  readonly href: string
  readonly header?: Record<string, string>
}

async function uploadUrls(object: { oid: string; size: number }, transfers = ['basic']) {
  const answer = await stage.alice.post(batch, { operation: 'upload', transfers, objects: [object] })
  return answer.json().objects[0].actions as { upload: Action; verify: Action }
}

const pathOf = (href: string) => href.replace(/^https?:\/\/[^/]+/, '')

describe('an LFS batch', () => {
  it.each<[string, unknown, RegExp]>([
    ['of nothing', {}, /operation/],
    ['of another operation', { operation: 'delete', objects: [] }, /operation/],
    [
      'of 1,001 objects',
      { operation: 'upload', objects: Array(1001).fill({ oid, size: 1 }) },
      /objects.*1000/,
    ],
    ['of another hash', { operation: 'upload', hash_algo: 'md5', objects: [] }, /hash_algo/],
    ['with a negative size', { operation: 'upload', objects: [{ oid, size: -1 }] }, /objects\.0\.size/],
    ['with half a byte', { operation: 'upload', objects: [{ oid, size: 0.5 }] }, /objects\.0\.size/],
    ['with a size of 2^63', { operation: 'upload', objects: [{ oid, size: 2 ** 63 }] }, /objects\.0\.size/],
    ['with a size of words', { operation: 'upload', objects: [{ oid, size: 'big' }] }, /objects\.0\.size/],
    ['with no size', { operation: 'upload', objects: [{ oid }] }, /objects\.0\.size/],
    ['with a size of null', { operation: 'upload', objects: [{ oid, size: null }] }, /objects\.0\.size/],
    [
      'with a sha256 in capitals',
      { operation: 'upload', objects: [{ oid: oid.toUpperCase(), size: 1 }] },
      /objects\.0\.oid/,
    ],
    [
      'with a path for a sha256',
      { operation: 'upload', objects: [{ oid: '../../../etc/passwd', size: 1 }] },
      /objects\.0\.oid/,
    ],
  ])('%s is refused', async (_, body, says) => {
    await stage.expectNothingStored(async () => {
      stage.expectRefusal(await stage.alice.post(batch, body), 400, says)
    })
  })

  it('of a file larger than any is refused for that file alone', async () => {
    const objects = [
      { oid, size: Number.MAX_SAFE_INTEGER },
      { oid: sha256Of(Buffer.from('x')), size: 1 },
    ]
    await stage.expectNothingStored(async () => {
      for (const transfers of [['basic'], ['multipart'], ['xet']]) {
        const answer = await stage.alice.post(batch, { operation: 'upload', transfers, objects })
        const [absurd, plain] = answer.json().objects
        expect(absurd).toEqual({
          ...objects[0],
          error: { code: 422, message: expect.stringContaining('over the limit of') },
        })
        expect(plain.actions.upload.href).toContain('http')
      }
    })
  })

  it('of a thousand huge files is answered in few bytes', async () => {
    const objects = Array.from({ length: 1000 }, (_, n) => ({
      oid: sha256Of(Buffer.from(`${n}`)),
      size: 2 ** 39,
    }))
    const answer = await stage.alice.post(batch, {
      operation: 'upload',
      transfers: ['multipart', 'basic'],
      objects,
    })
    expect(answer.status).toBe(200)
    expect(answer.bytes.length).toBeLessThan(16 * 1024 * 1024)
    const actions = answer
      .json()
      .objects.map((object: { actions: { upload: Action } }) => object.actions.upload)
    expect(actions).toHaveLength(1000)
    expect(actions[0].header.chunk_size).toMatch(/^\d+$/)
    // Those beyond come in one piece; or by another batch.
    expect(actions[999].header).toBeUndefined()
  })

  it('of the same object twice is answered twice', async () => {
    const answer = await stage.alice.post(batch, {
      operation: 'upload',
      objects: [
        { oid, size: 5 },
        { oid, size: 5 },
      ],
    })
    expect(answer.json().objects).toHaveLength(2)
  })
})

describe('an LFS upload', () => {
  it('of other bytes than announced is refused, with nothing stored', async () => {
    const { upload } = await uploadUrls({ oid, size: content.length })
    const flipped = Buffer.from(content)
    flipped[1000]! ^= 1
    await stage.expectNothingStored(async () => {
      const send = (body: Uint8Array, headers = {}) =>
        stage.nobody.send('PUT', pathOf(upload.href), body, headers)
      stage.expectRefusal(
        await send(flipped),
        422,
        /the sha256 of the content is [0-9a-f]{64}, announced was/,
      )
      stage.expectRefusal(
        await send(content.subarray(1)),
        422,
        /the size of the content is 299999, announced was 300000/,
      )
      stage.expectRefusal(
        await send(Buffer.concat([content, Buffer.of(0)])),
        422,
        /the size of the content is over 300000/,
      )
      stage.expectRefusal(await send(Buffer.alloc(0)), 422, /the size of the content is 0/)
      const bomb = gzipSync(Buffer.alloc(100 * 1024 * 1024))
      stage.expectRefusal(await send(bomb, { 'content-encoding': 'gzip' }), 422, /over 300000/)
      stage.expectRefusal(
        await stage.nobody.send('PUT', pathOf(upload.href).replace('/300000?', '/299999?'), content),
        403,
        /not signed/,
      )
      stage.expectRefusal(
        await stage.nobody.send('PUT', pathOf(upload.href).replace(oid, 'f'.repeat(64)), content),
        403,
        /not signed/,
      )
    })
  })

  it('that stops half-way is as if it had not been', async () => {
    const { upload } = await uploadUrls({ oid, size: content.length })
    const head = `PUT ${pathOf(upload.href)} HTTP/1.1\r\nHost: hub.test\r\nContent-Length: ${content.length}\r\n\r\n`
    await stage.expectNothingStored(() => stage.cutOff(head, content.subarray(0, 200_000)))
  })

  it('is not verified before it is there', async () => {
    const { verify } = await uploadUrls({ oid, size: content.length })
    stage.expectRefusal(
      await stage.nobody.post(pathOf(verify.href), { oid, size: content.length }),
      422,
      /not uploaded/,
    )
    stage.expectRefusal(
      await stage.nobody.post(pathOf(verify.href), { oid: 'f'.repeat(64), size: 1 }),
      422,
      /not uploaded/,
    )
  })

  it('in parts is refused when a part or the whole is not as announced', async () => {
    const size = 2 ** 29
    const { upload } = await uploadUrls({ oid, size }, ['multipart'])
    const parts = upload.header!
    await stage.expectNothingStored(async () => {
      stage.expectRefusal(
        await stage.nobody.send('PUT', pathOf(parts['00001']!), Buffer.from('short')),
        422,
        /the size of the content is 5, announced was 67108864/,
      )
      stage.expectRefusal(
        await stage.nobody.send('PUT', pathOf(parts['00001']!).replace('/1?', '/9?'), content),
        403,
        /not signed/,
      )
      stage.expectRefusal(
        await stage.nobody.post(pathOf(upload.href), { oid, parts: [] }),
        422,
        /lacks 8 parts/,
      )
      const head = `PUT ${pathOf(parts['00002']!)} HTTP/1.1\r\nHost: hub.test\r\nContent-Length: 67108864\r\n\r\n`
      await stage.cutOff(head, content)
    })
  })
})

describe('the CAS', () => {
  const raws = chunksOf(content)
  const xorb = makeXorb(raws)
  const file = makeFile(content, { xorb, start: 0, end: raws.length })
  const footer = encodeXorbFooter(xorb.index)
  let token: string
  beforeAll(async () => {
    token = (await stage.alice.get('/api/models/alice/model/xet-write-token/main')).json().accessToken
  })
  const cas = (path: string, body: Uint8Array | string, headers = {}) =>
    stage.hub.as(token).post(`/cas${path}`, body, headers)

  it('stores no xorb with a byte that is not what it was, wherever it is', async () => {
    const whole = Buffer.concat([xorb.body, footer])
    const second = xorb.index.frameEnds[0]!
    const end = xorb.body.length
    const places = {
      'version of a frame': second,
      'length of a frame': second + 1,
      'scheme of a frame': second + 4,
      'length of a chunk': second + 5,
      'first byte of a chunk': second + 8,
      'last byte of a chunk': end - 1,
      'tag of the footer': end,
      'version of the footer': end + 7,
      'hash in the footer': end + 8,
      'tag of the hashes': end + 40,
      'chunk count': end + 48,
      'chunk hash': end + 52,
      'frame end': whole.length - 4 - 28 - 4 * raws.length * 2 + 1,
      'last count': whole.length - 4 - 28,
      'length of the footer': whole.length - 4,
    }
    await stage.expectNothingStored(async () => {
      for (const at of Object.values(places)) {
        const flipped = Buffer.from(whole)
        flipped[at]! ^= 1
        stage.expectRefusal(
          await cas(`/v1/xorbs/default/${xorb.hash}`, flipped),
          400,
          new RegExp(`xorb ${xorb.hash}`),
        )
      }
      const bomb = gzipSync(Buffer.alloc(100 * 1024 * 1024))
      stage.expectRefusal(
        await cas(`/v1/xorbs/default/${xorb.hash}`, bomb, { 'content-encoding': 'gzip' }),
        400,
        /holds no bytes/,
      )
      stage.expectRefusal(await cas('/v1/xorbs/default/nonsense', whole), 400, /not 64 lower-case hex digits/)
      // A frame of LZ4 that says to hold 128 KiB and holds four bytes.
      const claims = Buffer.from('000f000001000002' + '04224d18604082' + '0400000000000000', 'hex')
      stage.expectRefusal(await cas(`/v1/xorbs/default/${xorb.hash}`, claims), 400, /chunk 0/)
      const head = `POST /cas/v1/xorbs/default/${xorb.hash} HTTP/1.1\r\nHost: hub.test\r\nAuthorization: Bearer ${token}\r\nContent-Length: ${whole.length}\r\n\r\n`
      await stage.cutOff(head, whole.subarray(0, -10))
    })
  })

  it('takes no shard that lies, or is none', async () => {
    await stage.expectNothingStored(async () => {
      const shard = encodeShard({ files: [file], xorbs: [] })
      stage.expectRefusal(await cas('/v1/shards', shard), 400, /is not stored; upload it before the shard/)
      stage.expectRefusal(await cas('/v1/shards', 'no shard'), 400, /shard header/)
      stage.expectRefusal(await cas('/v1/shards', ''), 400, /shard header/)
      stage.expectRefusal(await cas('/v1/shards', shard.subarray(0, -30)), 400, /needs \d+ bytes/)
      const bomb = gzipSync(Buffer.alloc(80 * 1024 * 1024))
      stage.expectRefusal(
        await cas('/v1/shards', bomb, { 'content-encoding': 'gzip' }),
        413,
        /over the limit of 67108864 bytes/,
      )
    })
    expect((await cas(`/v1/xorbs/default/${xorb.hash}`, xorb.body)).status).toBe(200)
    await stage.expectNothingStored(async () => {
      const lies = {
        'which has': { ...file, terms: [{ ...file.terms[0]!, chunkEnd: raws.length + 1 }] },
        'its chunks have': { ...file, terms: [{ ...file.terms[0]!, unpackedLength: 1 }] },
        'range hash': { ...file, terms: [{ ...file.terms[0]!, rangeHash: 'f'.repeat(64) }] },
        'its chunks hash to': { ...file, hash: 'e'.repeat(64) },
        'over the limit': { ...file, terms: [{ ...file.terms[0]!, chunkEnd: 0xffff_ffff }] },
      }
      for (const [says, lie] of Object.entries(lies)) {
        const answer = await cas('/v1/shards', encodeShard({ files: [lie], xorbs: [] }))
        stage.expectRefusal(answer, says === 'over the limit' ? 413 : 400, new RegExp(says))
      }
      const foreign = { hash: xorb.hash, chunks: makeXorb(chunksOf(splitmix64(300_000, 8n))).index.chunks }
      stage.expectRefusal(
        await cas('/v1/shards', encodeShard({ files: [], xorbs: [foreign] })),
        400,
        /other chunks/,
      )
    })
  })

  it('answers others in words', async () => {
    const reader = stage.hub.as(token)
    stage.expectRefusal(await reader.get('/cas/v2/reconstructions/x'), 400, /not 64 lower-case hex/)
    stage.expectRefusal(await reader.get(`/cas/v1/reconstructions/${'f'.repeat(64)}`), 404, /not found/)
    stage.expectRefusal(await reader.get('/cas/v1/reconstructions?file_id=x'), 400, /file_id/)
    stage.expectRefusal(
      await reader.get(`/cas/v1/chunks/default-merkledb/${'f'.repeat(64)}`),
      404,
      /not found/,
    )
    stage.expectRefusal(
      await reader.post('/cas/v1/reconstructions', `[${'0,'.repeat(500_000)}0]`, {
        'content-type': 'application/json',
      }),
      400,
      /1000/,
    )
    stage.expectRefusal(
      await stage.hub.as(`${token}x`).get(`/cas/v1/reconstructions/${'f'.repeat(64)}`),
      401,
      /forged/,
    )
    stage.expectRefusal(await reader.get(`/cas/v1/data/${xorb.hash}?file=x`), 403, /not signed/)
  })
})
