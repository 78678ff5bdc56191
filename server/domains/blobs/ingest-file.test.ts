import { randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { hashedContents } from '../../formats/testdata/client-files.ts'
import { fileHashes } from '../../formats/testdata/client-uploads.ts'
import {
  type BlobsForTest,
  inPieces,
  isHeld,
  openBlobsForTest,
  readAll,
  sha256,
} from './blobs-for-test.suite.ts'
import { ContentMismatch } from './errors.ts'

const megabyte = 1024 * 1024

describe('ingest and read', () => {
  let hub: BlobsForTest
  beforeEach(async () => {
    hub = await openBlobsForTest()
  })
  afterEach(() => hub.close())

  const ingest = (bytes: Uint8Array, holder = 'alice') =>
    hub.blobs.ingest(holder, inPieces(bytes), { sha256: sha256(bytes), size: bytes.length })

  it.each(Object.keys(hashedContents))(
    'gives "%s" the file hash that hf_xet gives it, and gives it back',
    async name => {
      const bytes = hashedContents[name]!()
      const file = await ingest(bytes)
      expect(file).toEqual({
        fileHash: fileHashes[name],
        sha256: sha256(bytes),
        size: bytes.length,
        state: 'proven',
      })
      expect(sha256(await readAll(hub.blobs.read(file)))).toBe(file.sha256)
      expect((await hub.blobs.describe('alice', [file.sha256, 'f'.repeat(64)])).get(file.sha256)).toEqual(
        file,
      )
      expect(await isHeld(hub.blobs, 'alice', file.sha256)).toBe(true)
      expect(await isHeld(hub.blobs, 'bob', file.sha256)).toBe(false)
      expect(await hub.check(true)).toEqual([])
    },
  )

  it('reads any range as the slice', async () => {
    const bytes = randomBytes(9 * megabyte)
    // Runs that repeat and that come from other files make terms of many kinds.
    await ingest(bytes.subarray(2 * megabyte, 3 * megabyte))
    const mixed = Buffer.concat([bytes, bytes.subarray(0, 3 * megabyte), bytes.subarray(megabyte)])
    const file = await ingest(mixed)
    await fc.assert(
      fc.asyncProperty(fc.nat(mixed.length), fc.nat(mixed.length), async (a, b) => {
        const [start, end] = a < b ? [a, b] : [b, a]
        const read = await readAll(hub.blobs.read(file, { start, end }))
        expect(read.equals(mixed.subarray(start, end))).toBe(true)
      }),
      {
        numRuns: 60,
        examples: [
          [0, 0],
          [mixed.length, mixed.length],
          [0, mixed.length],
          [0, 1],
          [mixed.length - 1, mixed.length],
        ],
      },
    )
    await expect(readAll(hub.blobs.read(file, { start: 0, end: mixed.length + 1 }))).rejects.toThrow(
      RangeError,
    )
  })

  it('gives back any content, however it arrives', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(2), fc.integer({ min: 1, max: 200_000 })), { maxLength: 8 }),
        fc.integer({ min: 1000, max: 300_000 }),
        async (runs, pieceSize) => {
          const bytes = Buffer.concat(
            runs.map(([kind, length]) => (kind === 0 ? Buffer.alloc(length, 7) : randomBytes(length))),
          )
          const announced = { sha256: sha256(bytes), size: bytes.length }
          const file = await hub.blobs.ingest('alice', inPieces(bytes, pieceSize), announced)
          expect((await readAll(hub.blobs.read(file))).equals(bytes)).toBe(true)
        },
      ),
      { numRuns: 30 },
    )
  })

  it('fills several xorbs and stores an equal file at no cost', async () => {
    const bytes = randomBytes(150 * megabyte)
    const file = await ingest(bytes)
    const xorbs = await hub.tables.selectFrom('xorbs').select(['raw_bytes', 'object_bytes']).execute()
    expect(xorbs.length).toBe(3)
    for (const xorb of xorbs) expect(xorb.object_bytes).toBeLessThanOrEqual(65 * megabyte)
    const before = await hub.storedBytes()
    expect(before).toBeLessThan(bytes.length * 1.002)
    expect(await ingest(bytes, 'bob')).toEqual(file)
    expect(await hub.storedBytes()).toBe(before)
    expect(sha256(await readAll(hub.blobs.read(file)))).toBe(file.sha256)
  })

  it('stores of a changed file little more than the change', async () => {
    // As large as the change and the chunks at its edges need to be far from 3 %, whatever chance cuts.
    const bytes = randomBytes(80 * megabyte)
    await ingest(bytes)
    const before = await hub.storedBytes()
    const changed = Buffer.from(bytes)
    randomBytes(megabyte).copy(changed, 40 * megabyte)
    const file = await ingest(changed)
    const more = (await hub.storedBytes()) - before
    expect(more).toBeGreaterThan(megabyte)
    expect(more).toBeLessThan(bytes.length * 0.03)
    expect(sha256(await readAll(hub.blobs.read(file)))).toBe(file.sha256)
  })

  it('finds a shifted copy, and one without its beginning', async () => {
    const bytes = randomBytes(160 * megabyte)
    await ingest(bytes)
    const before = await hub.storedBytes()
    await ingest(Buffer.concat([randomBytes(10_000), bytes]))
    expect((await hub.storedBytes()) - before).toBeLessThan(400_000)
    await ingest(Buffer.concat([bytes.subarray(0, 30 * megabyte), bytes.subarray(90 * megabyte)]))
    expect((await hub.storedBytes()) - before).toBeLessThan(800_000)
  })

  it('shows nothing of a stream that is not what was announced', async () => {
    const bytes = randomBytes(5 * megabyte)
    const announced = { sha256: sha256(bytes), size: bytes.length }
    const wrong = Buffer.from(bytes)
    wrong[4_000_000]! ^= 1
    const refusals: [Uint8Array, Partial<ContentMismatch>][] = [
      [wrong, { what: 'sha256', announced: announced.sha256, found: sha256(wrong) }],
      [bytes.subarray(1), { what: 'size', found: bytes.length - 1 }],
      [Buffer.concat([bytes, bytes]), { what: 'size', announced: bytes.length }],
    ]
    for (const [sent, facts] of refusals) {
      const refused = await hub.blobs.ingest('alice', inPieces(sent), announced).catch(error => error)
      expect(refused).toBeInstanceOf(ContentMismatch)
      expect(refused).toMatchObject(facts)
    }
    async function* cut() {
      yield bytes.subarray(0, 4_500_000)
      throw new Error('the line broke')
    }
    await expect(hub.blobs.ingest('alice', cut(), announced)).rejects.toThrow('the line broke')
    expect((await hub.blobs.describe('alice', [announced.sha256, sha256(wrong)])).size).toBe(0)
    expect(await hub.tables.selectFrom('files').selectAll().execute()).toEqual([])
    expect(await readdir(join(hub.folder, 'objects', '.tmp'))).toEqual([])
    await ingest(bytes)
    expect(await isHeld(hub.blobs, 'alice', announced.sha256)).toBe(true)
  })

  it('takes the same file from many at once', async () => {
    const bytes = randomBytes(6 * megabyte)
    const files = await Promise.all(['a', 'b', 'c', 'd'].map(holder => ingest(bytes, holder)))
    expect(new Set(files.map(file => file.fileHash)).size).toBe(1)
    expect(await hub.tables.selectFrom('files').select('hash').execute()).toHaveLength(1)
    expect(await hub.check(true)).toEqual([])
  })

  it('fails an upload whose thread dies, and leaves nothing of it', async () => {
    const bytes = randomBytes(6 * megabyte)
    const announced = { sha256: sha256(bytes), size: bytes.length }
    let thread: Worker | undefined
    const post = Worker.prototype.postMessage
    vi.spyOn(Worker.prototype, 'postMessage').mockImplementation(function (this: Worker, message: unknown) {
      thread = this
      post.call(this, message)
    })
    async function* withDeath() {
      yield bytes.subarray(0, 4 * megabyte)
      await thread?.terminate()
      yield bytes.subarray(4 * megabyte)
    }
    await expect(hub.blobs.ingest('alice', withDeath(), announced)).rejects.toThrow('has ended')
    vi.restoreAllMocks()
    expect((await hub.blobs.describe('alice', [announced.sha256])).size).toBe(0)
    expect(await readdir(join(hub.folder, 'objects', '.tmp'))).toEqual([])
    const file = await ingest(bytes)
    expect(sha256(await readAll(hub.blobs.read(file)))).toBe(announced.sha256)
  })

  it('never serves a damaged chunk, and says which it is', async () => {
    const bytes = randomBytes(3 * megabyte)
    const file = await ingest(bytes)
    hub.objects.read = async (key, start, end) => {
      const found = await hub.store.read(key, start, end)
      const at = 2_000_000 - start
      if (at >= 0 && at < found.length && end < 3 * megabyte + 8 * 200) found[at]! ^= 1
      return found
    }
    let served = 0
    const reading = (async () => {
      for await (const piece of hub.blobs.read(file)) {
        expect(Buffer.from(piece).equals(bytes.subarray(served, served + piece.length))).toBe(true)
        served += piece.length
      }
    })()
    await expect(reading).rejects.toThrow(/chunk \d+ of xorb [0-9a-f]{64} is damaged/)
    expect(served).toBeLessThan(2_000_000)
    await readAll(hub.blobs.read(file, { start: 0, end: 1_000_000 }))
  })
})
