import { randomBytes } from 'node:crypto'
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type ByteRange, contentRange, parseRange } from './ranges.ts'

/** A body of known size that can be read from any byte on. */
export interface RangedBody {
  readonly size: number
  readonly contentType: string
  /** Bytes [start, end): all at once, or in pieces, each of which has to be good only until the next one is asked for. */
  read(range: ByteRange): Bytes
}

type Bytes = Promise<Uint8Array> | AsyncIterable<Uint8Array>

/**
 * Answers GET and HEAD with a body, honouring Range, If-Range and If-None-Match: 200, 206 (one part, or
 * multipart/byteranges), 304, 416.
 * Content-Length is always true, also for HEAD. The ETag header, if any, must be set before.
 */
export async function sendBytes(
  request: FastifyRequest,
  reply: FastifyReply,
  body: RangedBody,
): Promise<FastifyReply> {
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
    const error = `the range begins after the last of ${body.size} bytes`
    const range = `bytes */${body.size}`
    return reply.code(416).headers({ 'content-range': range, 'x-error-message': error }).send({ error })
  }
  if (wanted.kind === 'whole') {
    reply.header('content-type', body.contentType).header('content-length', body.size)
    if (request.method === 'HEAD' || body.size === 0) return reply.send()
    return send(reply, body.read({ start: 0, end: body.size }), body.size)
  }
  reply.code(206)
  const [only] = wanted.ranges
  if (only && wanted.ranges.length === 1) {
    reply
      .header('content-type', body.contentType)
      .header('content-length', only.end - only.start)
      .header('content-range', contentRange(only, body.size))
    return send(reply, body.read(only), only.end - only.start)
  }
  const parts = multipart(wanted.ranges, body)
  reply.header('content-type', parts.contentType).header('content-length', parts.length)
  return send(reply, parts.bytes(), parts.length)
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

/**
 * Writes the pieces to the socket, each only when the one before has left: their memory is used again, and a slow reader
 * holds no more than one piece. What breaks before the first piece is answered as an error; what breaks later cuts the
 * connection, so that nobody takes a part for the whole. A short body is gathered and leaves with the head, in one write.
 */
async function send(reply: FastifyReply, bytes: Bytes, length: number): Promise<FastifyReply> {
  if (bytes instanceof Promise) return reply.send(await bytes)
  if (length <= oneWriteLimit) return reply.send(await gather(bytes, length))
  const pieces = bytes[Symbol.asyncIterator]()
  let piece = await pieces.next()
  reply.hijack()
  reply.raw.writeHead(reply.statusCode, reply.getHeaders() as OutgoingHttpHeaders)
  try {
    for (; !piece.done; piece = await pieces.next()) await write(reply.raw, piece.value)
    reply.raw.end()
  } catch (error) {
    if (!reply.raw.destroyed) reply.log.error({ reqId: reply.request.id, err: error }, 'answer cut')
    reply.raw.destroy()
    await pieces.return?.()
  }
  return reply
}

/** A body of at most so many bytes is copied into one piece of memory. */
const oneWriteLimit = 64 * 1024

async function gather(bytes: AsyncIterable<Uint8Array>, length: number): Promise<Buffer> {
  const whole = Buffer.allocUnsafe(length)
  let at = 0
  for await (const piece of bytes) {
    whole.set(piece, at)
    at += piece.length
  }
  if (at !== length) throw new Error(`a body of ${length} bytes ended after ${at}`)
  return whole
}

function write(response: ServerResponse, piece: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const gone = () => reject(new Error('the client went away'))
    if (response.destroyed) return gone()
    response.once('close', gone)
    response.write(piece, error => {
      response.off('close', gone)
      if (error) reject(error)
      else resolve()
    })
  })
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
      const part = body.read(range)
      if (part instanceof Promise) yield await part
      else yield* part
    }
    yield tail
  }
  return { contentType: `multipart/byteranges; boundary=${boundary}`, length, bytes }
}
