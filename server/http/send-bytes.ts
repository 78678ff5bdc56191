import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type ByteRange, contentRange, parseRange } from './ranges.ts'

/** A body of known size that can be read from any byte on. */
export interface RangedBody {
  readonly size: number
  readonly contentType: string
  /** Bytes [start, end). */
  read(range: ByteRange): AsyncIterable<Uint8Array>
}

/**
 * Answers GET and HEAD with a body, honouring Range, If-Range and If-None-Match: 200, 206 (one part, or
 * multipart/byteranges), 304, 416.
 * Content-Length is always true, also for HEAD. The ETag header, if any, must be set before.
 */
export function sendBytes(request: FastifyRequest, reply: FastifyReply, body: RangedBody): FastifyReply {
  reply.header('accept-ranges', 'bytes')
  if (isKnownToClient(request, reply)) return reply.code(304).send()
  const asked = request.method === 'GET' && ifRangeHolds(request, reply) ? request.headers.range : undefined
  if (asked !== undefined && body.size === 0) {
    // No range of nothing can be satisfied, but @huggingface/hub asks for the first byte of every file to learn its
    // size (`src/lib/file-download-info.ts`), and takes a 416 for a failure.
    return reply.header('content-type', body.contentType).header('content-range', 'bytes */0').send('')
  }
  const wanted = parseRange(asked, body.size)
  if (wanted.kind === 'unsatisfiable') {
    return reply.code(416).header('content-range', `bytes */${body.size}`).send()
  }
  if (wanted.kind === 'whole') {
    reply.header('content-type', body.contentType).header('content-length', body.size)
    if (request.method === 'HEAD' || body.size === 0) return reply.send()
    return reply.send(stream(body.read({ start: 0, end: body.size })))
  }
  reply.code(206)
  const [only] = wanted.ranges
  if (only && wanted.ranges.length === 1) {
    return reply
      .header('content-type', body.contentType)
      .header('content-length', only.end - only.start)
      .header('content-range', contentRange(only, body.size))
      .send(stream(body.read(only)))
  }
  const parts = multipart(wanted.ranges, body)
  return reply
    .header('content-type', parts.contentType)
    .header('content-length', parts.length)
    .send(stream(parts.bytes()))
}

/** RFC 9110 section 13.1.2: the client has this version already. */
function isKnownToClient(request: FastifyRequest, reply: FastifyReply): boolean {
  const known = request.headers['if-none-match']?.split(',').map(tag => tag.trim().replace(/^W\//, ''))
  return known?.includes(String(reply.getHeader('etag'))) ?? false
}

function ifRangeHolds(request: FastifyRequest, reply: FastifyReply): boolean {
  const condition = request.headers['if-range']
  return condition === undefined || condition === reply.getHeader('etag')
}

function stream(bytes: AsyncIterable<Uint8Array>): Readable {
  return Readable.from(bytes, { objectMode: false, highWaterMark: 2 * 1024 * 1024 })
}

/** RFC 9110 section 14.6. */
function multipart(
  ranges: readonly ByteRange[],
  body: RangedBody,
): { contentType: string; length: number; bytes: () => AsyncIterable<Uint8Array> } {
  const boundary = randomBytes(18).toString('hex')
  const heads = ranges.map(range =>
    Buffer.from(
      `\r\n--${boundary}\r\nContent-Type: ${body.contentType}\r\nContent-Range: ${contentRange(range, body.size)}\r\n\r\n`,
    ),
  )
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`)
  const length =
    heads.reduce((sum, head) => sum + head.length, tail.length) +
    ranges.reduce((sum, range) => sum + range.end - range.start, 0)
  async function* bytes() {
    for (const [index, range] of ranges.entries()) {
      yield heads[index] as Uint8Array
      yield* body.read(range)
    }
    yield tail
  }
  return { contentType: `multipart/byteranges; boundary=${boundary}`, length, bytes }
}
