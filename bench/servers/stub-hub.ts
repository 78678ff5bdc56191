import { randomFillSync } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify'
import type { NewFile } from '../kit/hub-client.ts'
import { serve } from './forked.ts'

export interface StubHubOptions {
  /** Size of the one large file that can be downloaded from it. */
  readonly size: number
  /** Small files beside it, `*.txt`. They can be uploaded too. */
  readonly files?: readonly NewFile[]
}

const fileHash = 'f'.repeat(64)
const sha256 = 'a'.repeat(64)
const commit = 'c'.repeat(40)
const chunkBytes = 64 * 1024
const headerBytes = 8
/** Chunks of a made-up xorb: 64 MiB with their headers, as real ones have. */
const chunksOfXorb = 1023
const frameBytes = headerBytes + chunkBytes

/**
 * A hub that answers `hf upload` and `hf download` of one file by hf_xet or of many small ones, checks nothing, throws
 * away what comes and makes up what goes: what is left is the time of the client. Its routes are those which the client
 * asks for.
 */
serve(async ({ size, files = [] }: StubHubOptions) => {
  const app = Fastify({ bodyLimit: Number.MAX_SAFE_INTEGER })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'string' },
    app.getDefaultJsonParser('ignore', 'ignore'),
  )
  app.addContentTypeParser('*', (_request, payload, done) => {
    payload.on('end', () => done(null)).resume()
  })
  const origin = (request: FastifyRequest) => `http://${request.headers.host}`
  const token = (request: FastifyRequest, reply: FastifyReply) => {
    const answer = {
      casUrl: `${origin(request)}/cas`,
      exp: Math.floor(Date.now() / 1000) + 3600,
      accessToken: 'stub',
    }
    reply.headers({
      'x-xet-cas-url': answer.casUrl,
      'x-xet-access-token': answer.accessToken,
      'x-xet-token-expiration': answer.exp,
    })
    return answer
  }
  const repo = '/:namespace/:name'
  const siblings = files.map(({ path }) => ({ rfilename: path }))
  const info = () => ({ _id: '0', id: 'ada/stub', sha: commit, private: false, tags: [], siblings })

  app.post('/api/repos/create', request => ({
    url: `${origin(request)}/ada/stub`,
    id: '0',
    name: 'ada/stub',
  }))
  app.get(`/api/models${repo}`, info)
  app.get(`/api/models${repo}/revision/:revision`, info)
  app.get(`/api/models${repo}/tree/:revision`, () =>
    files.map(({ path, content }, n) => ({ type: 'file', oid: blobId(n), size: content.length, path })),
  )
  app.post(`/api/models${repo}/preupload/:revision`, request => ({
    files: (request.body as { files: { path: string }[] }).files.map(({ path }) => ({
      path,
      uploadMode: path.endsWith('.txt') ? 'regular' : 'lfs',
      shouldIgnore: false,
    })),
  }))
  app.get(`/api/models${repo}/xet-write-token/:revision`, token)
  app.get(`/api/models${repo}/xet-read-token/:revision`, token)
  app.post(`/api/models${repo}/commit/:revision`, request => ({
    success: true,
    commitOid: commit,
    commitUrl: `${origin(request)}/ada/stub/commit/${commit}`,
  }))
  app.post('/cas/v1/xorbs/default/:hash', () => ({ was_inserted: true }))
  app.post('/cas/v2/shards', (_request, reply) => {
    reply.type('application/x-ndjson').send('{"type":"result"}\n')
  })

  const small = new Map(files.map(({ path, content }, n) => [path, { content, etag: `"${blobId(n)}"` }]))
  const sendSmall = ({ content, etag }: { content: Uint8Array; etag: string }, reply: FastifyReply) => {
    reply.headers({ 'x-repo-commit': commit, etag, 'content-length': content.length })
    reply.send(reply.request.method === 'HEAD' ? undefined : content)
  }
  app.get(`${repo}/resolve/:revision/:path`, { exposeHeadRoute: false }, (request, reply) => {
    const found = small.get((request.params as { path: string }).path)
    if (found) sendSmall(found, reply)
    else reply.code(404).send()
  })
  app.head(`${repo}/resolve/:revision/:path`, (request, reply) => {
    const found = small.get((request.params as { path: string }).path)
    if (found) return sendSmall(found, reply)
    reply.headers({
      'x-repo-commit': commit,
      etag: `"${sha256}"`,
      'x-linked-etag': `"${sha256}"`,
      'x-linked-size': size,
      'content-length': size,
      'x-xet-hash': fileHash,
      link: `<${origin(request)}/api/models/ada/stub/xet-read-token/main>; rel="xet-auth"`,
    })
    reply.send()
  })
  app.get('/cas/v2/reconstructions/:file', request =>
    reconstruct(origin(request), request.headers.range, size),
  )
  const xorb = madeUpXorb()
  app.get('/xorb/:number', (request, reply) => {
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? []
    const start = Number(first ?? 0)
    const end = Math.min(Number(last ?? xorb.length - 1) + 1, xorb.length)
    reply.code(206).headers({
      'content-type': 'application/octet-stream',
      'content-range': `bytes ${start}-${end - 1}/${xorb.length}`,
      'content-length': end - start,
    })
    reply.send(
      Readable.from(pieces(xorb.subarray(start, end)), { objectMode: false, highWaterMark: 2 << 20 }),
    )
  })
  return {
    listen: async (port, host) => {
      await app.listen({ port, host })
      return (app.server.address() as AddressInfo).port
    },
  }
})

function blobId(n: number): string {
  return n.toString(16).padStart(40, '0')
}

/** One term a xorb; whole chunks around the range that was asked for (xet-protocol section 3). */
function reconstruct(origin: string, range: string | undefined, size: number) {
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(range ?? '') ?? []
  const start = Number(first ?? 0)
  const end = Math.min(last ? Number(last) + 1 : size, size)
  const startChunk = Math.floor(start / chunkBytes)
  const endChunk = Math.ceil(end / chunkBytes)
  const terms = []
  const xorbs: Record<string, object[]> = {}
  for (let chunk = startChunk; chunk < endChunk; ) {
    const number = Math.floor(chunk / chunksOfXorb)
    const base = number * chunksOfXorb
    const until = Math.min(base + chunksOfXorb, endChunk)
    const chunks = { start: chunk - base, end: until - base }
    const hash = number.toString(16).padStart(64, '0')
    terms.push({ hash, unpacked_length: (until - chunk) * chunkBytes, range: chunks })
    const bytes = { start: chunks.start * frameBytes, end: chunks.end * frameBytes - 1 }
    xorbs[hash] = [{ url: `${origin}/xorb/${number}`, ranges: [{ chunks, bytes }] }]
    chunk = until
  }
  return { offset_into_first_range: start - startChunk * chunkBytes, terms, xorbs }
}

/** Frames of scheme 0 around noise: version, u24 stored length, scheme, u24 raw length. */
function madeUpXorb(): Buffer {
  const xorb = randomFillSync(Buffer.allocUnsafeSlow(chunksOfXorb * frameBytes))
  for (let at = 0; at < xorb.length; at += frameBytes) {
    xorb.writeUInt32LE(chunkBytes << 8, at)
    xorb.writeUInt32LE((chunkBytes << 8) >>> 0, at + 4)
  }
  return xorb
}

function* pieces(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 1 << 20) yield bytes.subarray(at, at + (1 << 20))
}
