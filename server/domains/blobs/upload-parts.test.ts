import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MalformedInput } from '../../kernel/errors.ts'
import {
  type BlobsForTest,
  gracePeriod,
  inPieces,
  isHeld,
  openBlobsForTest,
  readAll,
  sha256,
} from './blobs-for-test.suite.ts'
import { ContentMismatch, PartsMissing, UploadNotKnown } from './errors.ts'

const content = randomBytes(150 * 1024 * 1024)
const sha = sha256(content)

describe('uploads in parts', () => {
  let hub: BlobsForTest
  beforeEach(async () => {
    hub = await openBlobsForTest()
  })
  afterEach(() => hub.close())

  const begin = () => hub.blobs.beginMultipart('alice', sha, content.length)
  const partOf = (upload: { partSize: number }, number: number) =>
    content.subarray((number - 1) * upload.partSize, number * upload.partSize)
  const parts = async (): Promise<string[]> => {
    const keys: string[] = []
    for await (const { key } of hub.store.list('uploads/')) keys.push(key)
    return keys
  }

  it('makes a file of parts that come in any order and again', async () => {
    const upload = await begin()
    expect(upload).toMatchObject({ partSize: 64 * 1024 * 1024, count: 3 })
    await hub.blobs.putPart(upload.id, 3, inPieces(partOf(upload, 3)))
    const missing = await hub.blobs.completeMultipart(upload.id).catch(error => error)
    expect(missing).toBeInstanceOf(PartsMissing)
    expect(missing.numbers).toEqual([1, 2])
    const wrong = Buffer.from(partOf(upload, 1))
    wrong[5]! ^= 1
    await hub.blobs.putPart(upload.id, 1, inPieces(wrong, 1 << 20))
    await hub.blobs.putPart(upload.id, 2, inPieces(partOf(upload, 2), 1 << 20))
    await expect(hub.blobs.completeMultipart(upload.id)).rejects.toBeInstanceOf(ContentMismatch)
    expect(await isHeld(hub.blobs, 'alice', sha)).toBe(false)
    await hub.blobs.putPart(upload.id, 1, inPieces(partOf(upload, 1), 1 << 20))
    const file = await hub.blobs.completeMultipart(upload.id)
    expect(file).toMatchObject({ sha256: sha, size: content.length, state: 'proven' })
    expect(await hub.blobs.completeMultipart(upload.id)).toEqual(file)
    await hub.blobs.putPart(upload.id, 3, inPieces(partOf(upload, 3)))
    expect(sha256(await readAll(hub.blobs.read(file)))).toBe(sha)
    expect(await parts()).toEqual([])
  })

  it('completes once when it is asked twice at once', async () => {
    const upload = await begin()
    for (let n = 1; n <= upload.count; n++)
      await hub.blobs.putPart(upload.id, n, inPieces(partOf(upload, n), 1 << 20))
    const [one, two] = await Promise.all([1, 2].map(() => hub.blobs.completeMultipart(upload.id)))
    expect(one).toEqual(two)
    expect(await parts()).toEqual([])
  })

  it('keeps no part that has another size, and knows its parts', async () => {
    const upload = await begin()
    for (const bytes of [partOf(upload, 3).subarray(1), partOf(upload, 2)]) {
      await expect(hub.blobs.putPart(upload.id, 3, inPieces(bytes, 1 << 20))).rejects.toBeInstanceOf(
        ContentMismatch,
      )
    }
    for (const number of [0, 4, 1.5, Number.NaN]) {
      await expect(hub.blobs.putPart(upload.id, number, inPieces(partOf(upload, 1)))).rejects.toBeInstanceOf(
        MalformedInput,
      )
    }
    await expect(hub.blobs.putPart('nonsense', 1, inPieces(content))).rejects.toBeInstanceOf(UploadNotKnown)
    await expect(hub.blobs.completeMultipart('nonsense')).rejects.toBeInstanceOf(UploadNotKnown)
    expect(await parts()).toEqual([])
  })

  it('gives up uploads that nobody goes on with', async () => {
    const upload = await begin()
    await hub.blobs.putPart(upload.id, 3, inPieces(partOf(upload, 3)))
    hub.time.now += gracePeriod - 1
    expect((await hub.collect()).uploads).toBe(0)
    hub.time.now += 2
    expect((await hub.collect({ dryRun: true })).uploads).toBe(1)
    expect(await parts()).toHaveLength(1)
    expect((await hub.collect()).uploads).toBe(1)
    expect(await parts()).toEqual([])
    await expect(hub.blobs.completeMultipart(upload.id)).rejects.toBeInstanceOf(UploadNotKnown)
  })

  it('plans parts for any size', async () => {
    expect(await hub.blobs.beginMultipart('alice', sha, 0)).toMatchObject({ count: 1 })
    const huge = await hub.blobs.beginMultipart('alice', sha, 2 ** 40)
    expect(huge.count).toBeLessThanOrEqual(1000)
    expect(huge.partSize * huge.count).toBeGreaterThanOrEqual(2 ** 40)
    expect(huge.partSize % (1024 * 1024)).toBe(0)
  })
})
