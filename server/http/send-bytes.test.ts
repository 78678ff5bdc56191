import Fastify from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sendBytes } from './send-bytes.ts'

const content = Buffer.from(Array.from({ length: 100_000 }, (_, n) => n % 256))
const app = Fastify({ exposeHeadRoutes: false })
let url: string

beforeAll(async () => {
  app.route({
    method: ['GET', 'HEAD'],
    url: '/:size',
    handler: (request, reply) => {
      const bytes = content.subarray(0, Number((request.params as { size: string }).size))
      reply.header('etag', '"v1"')
      return sendBytes(request, reply, {
        size: bytes.length,
        contentType: 'application/octet-stream',
        async *read({ start, end }) {
          const brokenAt = request.headers['x-break']
          if (brokenAt !== undefined) {
            if (Number(brokenAt) > 0) yield bytes.subarray(start, Number(brokenAt))
            throw new Error('the disk is gone')
          }
          if (request.headers['x-reuse'] === undefined) return yield bytes.subarray(start, end)
          const slot = Buffer.alloc(10)
          for (let at = start; at < end; at += 10) {
            bytes.copy(slot, 0, at)
            yield slot
          }
        },
      })
    },
  })
  url = await app.listen({ port: 0 })
})
afterAll(() => app.close())

const ask = async (path: string, headers: Record<string, string> = {}, method = 'GET') => {
  const response = await fetch(`${url}${path}`, { method, headers })
  return { response, bytes: Buffer.from(await response.arrayBuffer()) }
}

describe('sendBytes', () => {
  it('says on HEAD what GET would send', async () => {
    for (const size of [0, 1000, 100_000]) {
      const { response, bytes } = await ask(`/${size}`, {}, 'HEAD')
      expect([response.status, bytes.length]).toEqual([200, 0])
      expect(response.headers.get('content-length')).toBe(String(size))
      expect(response.headers.get('accept-ranges')).toBe('bytes')
    }
  })

  it('sends the whole, a range, or several', async () => {
    for (const size of [1000, 100_000]) {
      const { response, bytes } = await ask(`/${size}`)
      expect(bytes.equals(content.subarray(0, size))).toBe(true)
      expect(response.headers.get('content-length')).toBe(String(size))
    }
    expect((await ask('/0')).bytes.length).toBe(0)
    const one = await ask('/1000', { range: 'bytes=10-19' })
    expect([one.response.status, one.response.headers.get('content-range')]).toEqual([
      206,
      'bytes 10-19/1000',
    ])
    expect(one.bytes.equals(content.subarray(10, 20))).toBe(true)

    const two = await ask('/1000', { range: 'bytes=0-1,-2' })
    const boundary = /^multipart\/byteranges; boundary=(\w+)$/.exec(
      two.response.headers.get('content-type') ?? '',
    )?.[1]
    expect(two.response.status).toBe(206)
    expect(Number(two.response.headers.get('content-length'))).toBe(two.bytes.length)
    const part = (range: string, bytes: Uint8Array) =>
      `\r\n--${boundary}\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes ${range}/1000\r\n\r\n${Buffer.from(bytes).toString('latin1')}`
    expect(two.bytes.toString('latin1')).toBe(
      `${part('0-1', content.subarray(0, 2))}${part('998-999', content.subarray(998, 1000))}\r\n--${boundary}--\r\n`,
    )
  })

  it('answers 416 beyond the end, and the whole when If-Range names another version', async () => {
    const beyond = await ask('/1000', { range: 'bytes=1000-' })
    expect([beyond.response.status, beyond.response.headers.get('content-range')]).toEqual([
      416,
      'bytes */1000',
    ])
    expect((await ask('/1000', { range: 'bytes=0-0', 'if-range': '"v1"' })).response.status).toBe(206)
    expect((await ask('/1000', { range: 'bytes=0-0', 'if-range': '"v0"' })).response.status).toBe(200)
  })

  it('answers an error that comes before the first byte, and cuts the connection at a later one', async () => {
    for (const [path, at] of [
      ['/100000', '0'],
      // A short body has not begun to leave while it is read.
      ['/1000', '500'],
    ] as const) {
      const { response } = await ask(path, { 'x-break': at })
      expect(response.status).toBe(500)
    }
    const cut = ask('/100000', { 'x-break': '500' })
    await expect(cut).rejects.toThrow()
  })

  it('uses no piece after the next one was asked for', async () => {
    for (const size of [1000, 100_000]) {
      const { bytes } = await ask(`/${size}`, { 'x-reuse': '1' })
      expect(bytes.equals(content.subarray(0, size))).toBe(true)
    }
  })

  it('sends nothing to who has this version', async () => {
    const known = await ask('/1000', { 'if-none-match': '"v0", W/"v1"' })
    expect([known.response.status, known.bytes.length]).toEqual([304, 0])
    expect((await ask('/1000', { 'if-none-match': '"v0"' })).response.status).toBe(200)
  })

  it('gives of an empty file its size to who asks for the first byte', async () => {
    const { response } = await ask('/0', { range: 'bytes=0-0' })
    expect([response.status, response.headers.get('content-range')]).toEqual([200, 'bytes */0'])
  })
})
