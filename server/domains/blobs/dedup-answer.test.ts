import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { chunkHash, keyedChunkHashes } from '../../formats/merkle.ts'
import { parseShard } from '../../formats/shard.ts'
import { hashToText } from '../../formats/xet-hash.ts'
import { type BlobsForTest, gracePeriod, inPieces, openBlobsForTest, sha256 } from './blobs-for-test.suite.ts'
import { CasClient, chunksOf, expectStatus, makeFile, makeXorb } from './cas-for-test.suite.ts'

describe('global deduplication', () => {
  let hub: BlobsForTest
  let alice: CasClient
  let bob: CasClient
  beforeEach(async () => {
    hub = await openBlobsForTest()
    alice = new CasClient(hub, 'alice/model', 'alice')
    bob = new CasClient(hub, 'bob/model', 'bob')
  })
  afterEach(() => hub.close())

  const ask = (client: CasClient, chunk: Uint8Array, prefix = 'default') =>
    client.get(`/v1/chunks/${prefix}/${hashToText(chunkHash(chunk))}`)

  /** Which of `chunks` the answer confirms, as `xorb:position`. */
  async function confirmed(
    client: CasClient,
    asked: Uint8Array,
    chunks: readonly Uint8Array[],
  ): Promise<string[]> {
    const answer = (await expectStatus(200, ask(client, asked))).rawPayload
    const key = answer.subarray(answer.length - 200 + 72, answer.length - 200 + 104)
    const places = new Map<string, string>()
    for (const { hash, chunks: listed } of parseShard(answer).xorbs) {
      for (let i = 0; i < listed.lengths.length; i++) {
        places.set(Buffer.from(listed.hashes.subarray(i * 32, i * 32 + 32)).toString('hex'), `${hash}:${i}`)
      }
    }
    return chunks
      .map(chunk => places.get(Buffer.from(keyedChunkHashes(key, chunkHash(chunk))).toString('hex')))
      .filter(place => place !== undefined)
  }

  const expectUnknown = (client: CasClient, chunk: Uint8Array) => expectStatus(404, ask(client, chunk))

  it('answers with the xorb of a first chunk, its hashes keyed, by either prefix', async () => {
    const content = randomBytes(800_000)
    const { xorb } = await alice.upload(content)
    const chunks = chunksOf(content)
    for (const prefix of ['default', 'default-merkledb'])
      await expectStatus(200, ask(alice, chunks[0]!, prefix))
    expect(await confirmed(alice, chunks[0]!, chunks)).toEqual(chunks.map((_, i) => `${xorb.hash}:${i}`))
    const answer = (await ask(alice, chunks[0]!)).rawPayload
    const key = answer.subarray(answer.length - 128, answer.length - 96)
    expect(key.equals(Buffer.alloc(32))).toBe(false)
    expect((await ask(alice, chunks[0]!)).rawPayload.subarray(-128, -96).equals(key)).toBe(false)
    expect(answer.includes(chunkHash(chunks[1]!))).toBe(false)
    const expiry = Number(answer.readBigUInt64LE(answer.length - 200 + 112))
    expect(expiry * 1000 - hub.time.now).toBeGreaterThan(24 * 3600 * 1000)
    expect(expiry * 1000 - hub.time.now).toBeLessThan(gracePeriod)
    await expectUnknown(alice, randomBytes(9000))
    await expectStatus(400, alice.get('/v1/chunks/default/nonsense'))
  })

  it('adds the xorbs that follow in the same file', async () => {
    const content = randomBytes(1_500_000)
    const chunks = chunksOf(content)
    const cut = chunks.length >> 1
    const [first, second] = [makeXorb(chunks.slice(0, cut)), makeXorb(chunks.slice(cut))]
    for (const xorb of [first, second]) await expectStatus(200, alice.postXorb(xorb))
    const file = makeFile(
      content,
      { xorb: first, start: 0, end: cut },
      { xorb: second, start: 0, end: chunks.length - cut },
    )
    await expectStatus(200, alice.postShard({ files: [file], xorbs: [] }))
    expect(await confirmed(alice, chunks[0]!, chunks)).toHaveLength(chunks.length)
  })

  it('finds one chunk in 1024 without a file, and what came by LFS', async () => {
    const chunk = randomBytes(9000)
    for (let i = 0; Buffer.from(chunkHash(chunk)).readUInt16LE(24) % 1024 !== 0; i++) chunk.writeUInt32LE(i)
    const other = randomBytes(9000)
    await expectStatus(200, alice.postXorb(makeXorb([other, chunk])))
    expect(await confirmed(alice, chunk, [other, chunk])).toHaveLength(2)
    await expectUnknown(alice, other)
    const content = randomBytes(300_000)
    await hub.blobs.ingest('alice/model', inPieces(content), {
      sha256: sha256(content),
      size: content.length,
    })
    const chunks = chunksOf(content)
    expect(await confirmed(alice, chunks[0]!, chunks)).toHaveLength(chunks.length)
  })

  it('does not show what the user may not see, until it may', async () => {
    const content = randomBytes(600_000)
    const { xorb, file } = await alice.upload(content)
    const [chunk] = chunksOf(content)
    const grant = () => bob.request('POST', `/v1/xorb-grants/default/${xorb.hash}`)
    await expectUnknown(bob, chunk!)
    await expectStatus(404, grant())
    // Bob, who has the same bytes, is told that they are new. Not that they were here before.
    expect((await bob.postXorb(xorb)).json()).toEqual({ was_inserted: true })
    // Public, but not committed: nobody could read it yet.
    hub.readers.set('alice/model', new Set(['bob']))
    await expectUnknown(bob, chunk!)
    await hub.commit('alice/model', file.sha256!)
    await expectStatus(200, ask(bob, chunk!))
    await expectStatus(200, grant())
    expect((await bob.postXorb(xorb)).json()).toEqual({ was_inserted: false })
    hub.readers.clear()
    await expectUnknown(bob, chunk!)
    // What bob's own holder has is known to it, whoever uploaded it.
    await expectStatus(200, bob.postShard({ files: [file], xorbs: [] }))
    await expectStatus(200, ask(bob, chunk!))
  })

  it('confirms of a shared xorb only the chunks that a visible file uses', async () => {
    const content = randomBytes(1_200_000)
    const { xorb } = await alice.upload(content)
    const chunks = chunksOf(content)
    // Bob has the middle of it and publishes that; alice keeps the whole to herself.
    const middle = chunks.slice(3, 6)
    const file = makeFile(Buffer.concat(middle), { xorb, start: 3, end: 6 })
    await expectStatus(200, bob.postShard({ files: [file], xorbs: [] }))
    await hub.commit('bob/model', file.sha256!)
    hub.readers.set('bob/model', new Set(['carol']))
    const carol = new CasClient(hub, 'carol/model', 'carol')
    expect(await confirmed(carol, middle[0]!, chunks)).toEqual([3, 4, 5].map(i => `${xorb.hash}:${i}`))
    await expectUnknown(carol, chunks[0]!)
    // Not even by their lengths.
    const listed = parseShard((await ask(carol, middle[0]!)).rawPayload).xorbs[0]!.chunks.lengths
    for (const [i, chunk] of chunks.entries()) {
      if (i < 3 || i >= 6) expect(listed[i]).toBe(65_536)
      else expect(listed[i]).toBe(chunk.length)
    }
    expect(await confirmed(alice, chunks[0]!, chunks)).toHaveLength(chunks.length)
  })
})
