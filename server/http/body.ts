import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { HubError, LimitExceeded, MalformedInput } from '../kernel/errors.ts'

/** Who brings less than so many bytes in so much time of our waiting for them is not slow, but a burden. */
export interface Pace {
  readonly bytes: number
  readonly withinMs: number
}

/** 0.5 KiB/s: less than any line of today, and far less than anybody would upload by. */
const slowestPace: Pace = { bytes: 64 * 1024, withinMs: 120_000 }

/** A body that comes so slowly that nobody can be waiting for it. */
export class SenderTooSlow extends HubError {
  constructor({ bytes, withinMs }: Pace, found: number) {
    super(
      `request body: ${found} bytes came within ${withinMs / 1000} s, fewer than ${bytes}; send it faster, or in parts`,
    )
  }
}

/**
 * The request's bytes, gunzipped when it says so (git does for large negotiations). A cut upload rejects, so that half a body is never taken for the whole.
 */
export async function* bodyStream(
  request: IncomingMessage,
  slowest = slowestPace,
): AsyncIterable<Uint8Array> {
  const encoding = request.headers['content-encoding']?.toLowerCase() ?? 'identity'
  if (encoding !== 'identity' && encoding !== 'gzip' && encoding !== 'x-gzip') {
    throw new MalformedInput('content-encoding', `"${encoding}" is not understood; send identity or gzip`)
  }
  try {
    // A route that stops reading must not tear down the socket: the refusal still has to travel on it.
    const sent = paced(request.iterator({ destroyOnReturn: false }), slowest)
    // The pipeline passes a cut upload on to the reader; `pipe` would leave it waiting for ever.
    yield* encoding === 'identity' ? sent : pipeline(sent, createGunzip(), () => {})
  } catch (error) {
    if (error instanceof Error && 'code' in error) {
      if (error.code === 'ECONNRESET')
        throw new MalformedInput('request body', 'ended before its declared length')
      if (String(error.code).startsWith('Z_')) throw new MalformedInput('request body', 'is not valid gzip')
    }
    throw error
  }
}

/**
 * The same pieces, for a reader that is done with each when it asks for the next: its memory is given back at once. A
 * socket brings 64 KiB at a time in memory of their own, and left to the collector they make it run all the time.
 */
export async function* inPassing(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const piece of stream) {
    yield piece
    const { buffer } = piece
    // A view of a part of it: there are others.
    const isAlone = buffer instanceof ArrayBuffer && buffer.byteLength === piece.byteLength
    if (isAlone) buffer.transfer(0)
  }
}

/** Time in which we were busy with what had come does not count against the sender. */
async function* paced(pieces: AsyncIterator<Uint8Array>, slowest: Pace): AsyncGenerator<Uint8Array> {
  let bytes = 0
  let waitedMs = 0
  try {
    for (;;) {
      const asked = performance.now()
      const { done, value } = await pieces.next()
      if (done) return
      bytes += value.length
      waitedMs += performance.now() - asked
      if (waitedMs > slowest.withinMs) {
        if (bytes < slowest.bytes) throw new SenderTooSlow(slowest, bytes)
        bytes = 0
        waitedMs = 0
      }
      yield value
    }
  } finally {
    await pieces.return?.()
  }
}

/** A client that is told "no" while it still sends may send this much more, for so long, before it is cut off. */
const drainLimit = 256 * 1024 * 1024
const drainMs = 300_000

/** Lets the rest of an unread body pass by: most clients read the answer only after they have sent everything. */
export function drainBody(request: IncomingMessage): void {
  if (request.complete || request.destroyed) return
  let drained = 0
  request.on('data', (piece: Uint8Array) => {
    drained += piece.length
    if (drained > drainLimit) request.destroy()
  })
  request.on('error', () => {})
  const impatience = setTimeout(() => request.destroy(), drainMs).unref()
  request.once('close', () => clearTimeout(impatience))
  request.resume()
}

/** Reads a body that is parsed as one value. */
export async function readBody(stream: AsyncIterable<Uint8Array>, limit: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  let length = 0
  for await (const piece of stream) {
    length += piece.length
    if (length > limit) throw new LimitExceeded('request body', limit, 'bytes')
    pieces.push(piece)
  }
  return Buffer.concat(pieces, length)
}

/**
 * JSON, or a form whose repeated keys become arrays: the Python client sends `paths-info` as a form, the JavaScript
 * one as JSON.
 */
export function parseBody(contentType: string | undefined, bytes: Uint8Array): unknown {
  if (!isUtf8(bytes)) throw new MalformedInput('request body', 'is not UTF-8')
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
  if (contentType?.startsWith('application/x-www-form-urlencoded')) {
    const values: Record<string, string | string[]> = Object.create(null)
    for (const [key, value] of new URLSearchParams(text)) {
      const name = key.endsWith('[]') ? key.slice(0, -2) : key
      const earlier = values[name]
      if (Array.isArray(earlier)) earlier.push(value)
      else values[name] = earlier === undefined ? value : [earlier, value]
    }
    return values
  }
  if (text.trim() === '') return undefined
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new MalformedInput('request body', `is not JSON: ${(error as Error).message}`)
  }
}
