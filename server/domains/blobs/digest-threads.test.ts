import { randomBytes } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { hashedContents } from '../../formats/testdata/client-files.ts'
import { fileHashes } from '../../formats/testdata/client-uploads.ts'
import { sha256 } from './blobs-for-test.suite.ts'
import { BlockMemory } from './block-memory.ts'
import { headroomBytes } from './content-digest.ts'
import { type Digest, DigestThreads } from './digest-threads.ts'

const megabyte = 1024 * 1024

describe('digest threads', () => {
  /** The thread to which a block was sent last. */
  let lastAsked: Worker
  let threads: DigestThreads
  beforeEach(() => {
    threads = new DigestThreads(2)
    const post = Worker.prototype.postMessage
    vi.spyOn(Worker.prototype, 'postMessage').mockImplementation(function (this: Worker, message: unknown) {
      lastAsked = this
      post.call(this, message)
    })
  })
  afterEach(async () => {
    vi.restoreAllMocks()
    await threads.close()
  })

  it.each(Object.keys(hashedContents))('hashes "%s" as hf_xet does, in blocks of any fill', async name => {
    const bytes = hashedContents[name]!()
    const expected = { sha256: sha256(bytes), fileHash: fileHashes[name] }
    const digests = [threads.begin(false), threads.begin(false), threads.begin(false), threads.begin(true)]
    const found = await Promise.all(digests.map((digest, i) => digestAll(digest, bytes, 200_001 * (i + 1))))
    expect(found).toEqual(digests.map(() => expected))
    for (const digest of digests) digest.close()
  })

  it('hashes many files at once, also empty ones', async () => {
    const files = [0, 1, 300_000, 3_000_000, 900_000].map(length => randomBytes(length))
    async function* shared(bytes: Uint8Array) {
      for (let at = 0; at < bytes.length; at += 200_000)
        yield blockOf(bytes.subarray(at, at + 200_000)).subarray(
          headroomBytes,
          headroomBytes + Math.min(200_000, bytes.length - at),
        )
    }
    expect(await Promise.all(files.map(bytes => threads.sha256(shared(bytes))))).toEqual(files.map(sha256))
  })

  it('fails the uploads of a thread that dies, and no others', async () => {
    const bytes = randomBytes(megabyte)
    const doomed = threads.begin(false)
    const other = threads.begin(false)
    await other.push(blockOf(bytes), headroomBytes + bytes.length, false)
    await doomed.push(blockOf(bytes), headroomBytes + bytes.length, false)
    const ended = lastAsked.terminate()
    await expect(doomed.push(blockOf(bytes), headroomBytes + bytes.length, true)).rejects.toThrow(
      'the thread that digests uploads has ended',
    )
    await ended
    await expect(doomed.push(blockOf(bytes), headroomBytes + bytes.length, true)).rejects.toThrow('has ended')
    doomed.close()

    const last = await other.push(blockOf(bytes), headroomBytes + bytes.length, true)
    expect(last.file?.sha256).toBe(sha256(Buffer.concat([bytes, bytes])))
    const next = threads.begin(false)
    expect((await digestAll(next, bytes, 300_000)).sha256).toBe(sha256(bytes))
  })

  it('fails an upload whose thread meets what it cannot digest', async () => {
    const digest = threads.begin(false)
    await expect(digest.push(undefined as never, 0, true)).rejects.toMatchObject({
      message: 'the thread that digests uploads has ended',
      cause: expect.any(TypeError),
    })
  })

  it('does not give an upload to a thread that is about to end for want of work', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const bytes = randomBytes(megabyte)
    for (let i = 0; i < 2; i++) {
      const digest = threads.begin(false)
      expect((await digestAll(digest, bytes, 300_000)).sha256).toBe(sha256(bytes))
      digest.close()
      vi.runAllTimers()
    }
    vi.useRealTimers()
  })
})

const memory = new BlockMemory()

function blockOf(bytes: Uint8Array): Uint8Array {
  const block = memory.take()
  block.set(bytes, headroomBytes)
  return block
}

/** Sends all blocks at once, each of `fill` bytes. */
async function digestAll(digest: Digest, bytes: Uint8Array, fill: number) {
  const answers = []
  for (let at = 0; at === 0 || at < bytes.length; at += fill) {
    const piece = bytes.subarray(at, at + fill)
    const isLast = at + fill >= bytes.length
    answers.push(digest.push(blockOf(piece), headroomBytes + piece.length, isLast))
  }
  return (await Promise.all(answers)).at(-1)!.file!
}
