import { randomBytes } from 'node:crypto'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { compressFrameSync } from 'lz4-napi'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { bg4Split } from '../../formats/testdata/bg4-split.ts'
import { encodeStoredFrame, FRAME_HEADER_BYTES, writeFrameHeader } from '../../formats/xorb-frame.ts'
import { type BlobsForTest, openBlobsForTest, readAll } from './blobs-for-test.suite.ts'
import { CasClient, expectStatus, type MadeXorb, makeFile, makeXorb } from './cas-for-test.suite.ts'
import { CorruptChunk } from './errors.ts'

const chunkBytes = 100_001
/** Half of each chunk compresses. */
const chunks = Array.from({ length: 12 }, () => {
  return Buffer.concat([randomBytes(50_000), Buffer.alloc(chunkBytes - 50_000, randomBytes(1))])
})

function compressedFrame(raw: Uint8Array): Buffer {
  const stored = compressFrameSync(Buffer.from(bg4Split(raw)))
  const frame = Buffer.alloc(FRAME_HEADER_BYTES + stored.length)
  writeFrameHeader(frame, 0, { scheme: 2, storedLength: stored.length, rawLength: raw.length })
  frame.set(stored, FRAME_HEADER_BYTES)
  return frame
}

/** What hf_xet fetches: it checks nothing of it but lengths. */
describe.each([
  ['as they are', encodeStoredFrame],
  ['compressed', compressedFrame],
])('bytes of a xorb whose chunks are stored %s', (_, encode) => {
  const { hash, index } = makeXorb(chunks)
  const frames = chunks.map(encode)
  const body = Buffer.concat(frames)
  const ends = frames.map((_, i) => frames.slice(0, i + 1).reduce((sum, frame) => sum + frame.length, 0))
  const xorb: MadeXorb = { hash, body, index }
  const content = Buffer.concat(chunks)
  const file = makeFile(content, { xorb, start: 0, end: chunks.length })

  let hub: BlobsForTest
  let alice: CasClient
  let url: string
  beforeEach(async () => {
    hub = await openBlobsForTest()
    alice = new CasClient(hub, 'alice/model', 'alice')
    await expectStatus(200, alice.postXorb(xorb))
    await expectStatus(200, alice.postShard({ files: [file], xorbs: [] }))
    const answer = (await expectStatus(200, alice.get(`/v2/reconstructions/${file.hash}`))).json()
    const { pathname, search } = new URL(answer.xorbs[hash][0].url)
    url = pathname + search
  })
  afterEach(() => hub.close())

  const fetchBytes = (start: number, end: number) =>
    hub.app.inject({ method: 'GET', url, headers: { range: `bytes=${start}-${end - 1}` } })
  const readPlainly = async () => {
    const [stored] = (await hub.blobs.describe('alice/model', [file.sha256!])).values()
    return await readAll(hub.blobs.read(stored!))
  }
  const flip = async (at: number) => {
    const path = join(hub.folder, 'objects', `xorbs/${hash.slice(0, 2)}/${hash}`)
    const bytes = await readFile(path)
    bytes[at]! ^= 4
    await chmod(path, 0o600)
    await writeFile(path, bytes)
  }

  it('are what was uploaded, wherever a range begins and ends', async () => {
    const size = body.length
    const edges = [0, 1, 7, 8, 9, ends[0]! - 1, ends[0]!, ends[0]! + 1, ends[3]!, ends[8]! + 40_000, size - 1]
    for (const start of edges) {
      for (const end of [...edges, size].filter(edge => edge > start)) {
        const { rawPayload } = await expectStatus(206, fetchBytes(start, end))
        expect([start, end, rawPayload.equals(body.subarray(start, end))]).toEqual([start, end, true])
      }
    }
    expect((await readPlainly()).equals(content)).toBe(true)
  })

  it('are never served when a bit of them has flipped, in whichever part of a frame', async () => {
    const frame = 5
    const start = ends[frame - 1]!
    for (const at of [0, 1, 3, 4, 5, 7, 8, 12, 20, 30_000, frames[frame]!.length - 1]) {
      await flip(start + at)
      await expectStatus(500, fetchBytes(start + 100, ends[frame]!))
      await expect(readPlainly()).rejects.toThrow(CorruptChunk)
      await expect(readPlainly()).rejects.toThrow(`chunk ${frame} of xorb ${hash} is damaged`)
      // What comes before it in the same answer has left by then: the connection is cut.
      await expect(fetchBytes(0, body.length)).rejects.toThrow()
      // Its neighbours are whole.
      await expectStatus(206, fetchBytes(0, start))
      await expectStatus(206, fetchBytes(ends[frame]!, body.length))
      await flip(start + at)
    }
    await expectStatus(206, fetchBytes(0, body.length))
  })
})
