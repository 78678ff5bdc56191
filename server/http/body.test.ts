import type { IncomingMessage } from 'node:http'
import { PassThrough, Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { LimitExceeded, MalformedInput } from '../kernel/errors.ts'
import { bodyStream, inPassing, readBody } from './body.ts'

function requestOf(encoding?: string) {
  const stream = new PassThrough()
  const headers = encoding === undefined ? {} : { 'content-encoding': encoding }
  return { stream, request: Object.assign(stream, { headers }) as unknown as IncomingMessage }
}

describe('bodyStream', () => {
  it.each([undefined, 'gzip'])('gives the bytes, or says that they were cut (%s)', async encoding => {
    const content = Buffer.alloc(100_000, 'body')
    const sent = encoding ? gzipSync(content) : content
    const whole = requestOf(encoding)
    whole.stream.end(sent)
    expect(Buffer.from(await readBody(bodyStream(whole.request), 1e6)).equals(content)).toBe(true)

    const cut = requestOf(encoding)
    cut.stream.write(sent.subarray(0, 50))
    const reading = readBody(bodyStream(cut.request), 1e6)
    setImmediate(() => cut.stream.destroy(Object.assign(new Error('aborted'), { code: 'ECONNRESET' })))
    await expect(reading).rejects.toThrow(MalformedInput)
  })

  it('counts what is unpacked, and leaves the request open for the refusal', async () => {
    const { stream, request } = requestOf('gzip')
    stream.write(gzipSync(Buffer.alloc(10_000_000)))
    await expect(readBody(bodyStream(request), 1e6)).rejects.toThrow(LimitExceeded)
    expect(stream.destroyed).toBe(false)
  })

  it('gives back the memory of a piece once the next is asked for, and only of one that has it alone', async () => {
    const alone = Buffer.from(Uint8Array.of(1, 2, 3).buffer)
    const part = Buffer.from(Uint8Array.of(4, 5, 6).buffer, 1)
    const shared = Buffer.from(new SharedArrayBuffer(3))
    const seen: number[][] = []
    for await (const piece of inPassing(Readable.from([alone, part, shared]))) seen.push([...piece])
    expect(seen).toEqual([
      [1, 2, 3],
      [5, 6],
      [0, 0, 0],
    ])
    expect([alone.length, part.length, shared.length]).toEqual([0, 2, 3])
  })

  it('refuses what is not gzip', async () => {
    const { stream, request } = requestOf('gzip')
    stream.end('text')
    await expect(readBody(bodyStream(request), 1e6)).rejects.toThrow('is not valid gzip')
  })
})
