import type { Readable } from 'node:stream'
import { compressFrameSync } from 'lz4-napi'
import { packChunks } from '../../formats/chunk-list.ts'
import { findChunkEnds } from '../../formats/gearhash.ts'
import { chunkHash, FileHasher, rangeHash, xorbHash } from '../../formats/merkle.ts'
import type { Shard, ShardFile } from '../../formats/shard.ts'
import { encodeShard } from '../../formats/shard-encode.ts'
import { HASH_BYTES, hashToText } from '../../formats/xet-hash.ts'
import { verifyXorb } from '../../formats/xorb.ts'
import type { XorbIndex } from '../../formats/xorb-footer.ts'
import {
  decodeFrames,
  encodeStoredFrame,
  FRAME_HEADER_BYTES,
  writeFrameHeader,
} from '../../formats/xorb-frame.ts'
import { type BlobsForTest, sha256 } from './blobs-for-test.suite.ts'

/** A xorb as a client makes it. */
export interface MadeXorb {
  readonly hash: string
  readonly body: Buffer
  readonly index: XorbIndex
}

export function chunksOf(bytes: Uint8Array): Uint8Array[] {
  const ends = [...new Set([...findChunkEnds(bytes), bytes.length])].filter(end => end > 0)
  return ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end))
}

/** A frame of scheme 1. */
export function encodeLz4Frame(raw: Uint8Array): Uint8Array {
  const stored = compressFrameSync(Buffer.from(raw))
  const frame = new Uint8Array(FRAME_HEADER_BYTES + stored.length)
  writeFrameHeader(frame, 0, { scheme: 1, storedLength: stored.length, rawLength: raw.length })
  frame.set(stored, FRAME_HEADER_BYTES)
  return frame
}

export function makeXorb(chunks: readonly Uint8Array[], encode = encodeStoredFrame): MadeXorb {
  const list = packChunks(chunks.map(chunk => ({ hash: chunkHash(chunk), length: chunk.length })))
  const hash = hashToText(xorbHash(list))
  const body = Buffer.concat(chunks.map(encode))
  return { hash, body, index: verifyXorb(body, hash) }
}

/** The entry of a shard for a file made of runs of chunks. */
export function makeFile(
  content: Uint8Array,
  ...runs: { xorb: MadeXorb; start: number; end: number }[]
): ShardFile {
  const hasher = new FileHasher()
  const terms = runs.map(({ xorb: { hash, index }, start, end }) => {
    const { hashes, lengths } = index.chunks
    let unpackedLength = 0
    for (let i = start; i < end; i++) {
      hasher.push(hashes.slice(i * HASH_BYTES, (i + 1) * HASH_BYTES), lengths[i]!)
      unpackedLength += lengths[i]!
    }
    const proof = hashToText(rangeHash(index.chunks, start, end))
    return { xorb: hash, unpackedLength, chunkStart: start, chunkEnd: end, rangeHash: proof }
  })
  return { hash: hashToText(hasher.digest()), sha256: sha256(content), terms }
}

/** A client of the CAS with fresh tokens of one user for one holder. */
export class CasClient {
  readonly #hub: BlobsForTest
  readonly #token: () => string

  constructor(
    hub: BlobsForTest,
    holder: string,
    subject: string | undefined,
    scope: 'read' | 'write' = 'write',
  ) {
    this.#hub = hub
    this.#token = () =>
      hub.blobs.issueToken({ repo: holder, holder, by: 'anyone', subject, scope }).accessToken
  }

  request(
    method: 'GET' | 'POST',
    path: string,
    body?: Uint8Array | string | Readable,
    headers: Record<string, string> = {},
  ) {
    const payload = body instanceof Uint8Array ? Buffer.from(body) : body
    return this.#hub.app.inject({
      method,
      url: `/cas${path}`,
      headers: { authorization: `Bearer ${this.#token()}`, ...headers },
      ...(payload !== undefined && { payload }),
    })
  }

  get(path: string, range?: string) {
    return this.request('GET', path, undefined, range === undefined ? {} : { range })
  }

  postXorb({ hash, body }: { hash: string; body: Uint8Array }) {
    return this.request('POST', `/v1/xorbs/default/${hash}`, body)
  }

  postShard(shard: Shard | Uint8Array) {
    return this.request('POST', '/v1/shards', shard instanceof Uint8Array ? shard : encodeShard(shard))
  }

  /** Uploads content as one xorb and one file. */
  async upload(content: Uint8Array): Promise<{ xorb: MadeXorb; file: ShardFile }> {
    const xorb = makeXorb(chunksOf(content))
    const file = makeFile(content, { xorb, start: 0, end: xorb.index.frameEnds.length })
    await expectStatus(200, this.postXorb(xorb))
    await expectStatus(
      200,
      this.postShard({ files: [file], xorbs: [{ hash: xorb.hash, chunks: xorb.index.chunks }] }),
    )
    return { xorb, file }
  }

  /** Rebuilds a file, or a range of it, from what version 2 answers, as a client does. */
  async download(fileHash: string, range?: string): Promise<Buffer> {
    const answer = (await expectStatus(200, this.get(`/v2/reconstructions/${fileHash}`, range))).json() as {
      offset_into_first_range: number
      terms: { hash: string; unpacked_length: number; range: { start: number; end: number } }[]
      xorbs: Record<string, { url: string; ranges: FetchedRange[] }[]>
    }
    const parts: Buffer[] = []
    for (const term of answer.terms) {
      const entry = answer.xorbs[term.hash]!.find(({ ranges }) =>
        ranges.some(part => holds(part, term.range)),
      )!
      const part = entry.ranges.find(candidate => holds(candidate, term.range))!
      const url = new URL(entry.url)
      const frames = await this.#hub.app.inject({
        method: 'GET',
        url: url.pathname + url.search,
        headers: { range: `bytes=${part.bytes.start}-${part.bytes.end}` },
      })
      if (frames.statusCode !== 206) throw new Error(`fetch: ${frames.statusCode} ${frames.body}`)
      const row = await this.#hub.tables
        .selectFrom('xorbs')
        .selectAll()
        .where('hash', '=', term.hash)
        .executeTakeFirstOrThrow()
      const object = await this.#hub.store.read(
        `xorbs/${term.hash.slice(0, 2)}/${term.hash}`,
        0,
        row.object_bytes,
      )
      const { lengths } = verifyXorb(object, term.hash).chunks
      const chunks = [
        ...decodeFrames('fetched', frames.rawPayload, lengths.slice(part.chunks.start, part.chunks.end)),
      ].slice(term.range.start - part.chunks.start, term.range.end - part.chunks.start)
      const bytes = Buffer.concat(chunks)
      if (bytes.length !== term.unpacked_length) throw new Error('unpacked_length is wrong')
      parts.push(bytes)
    }
    return Buffer.concat(parts).subarray(answer.offset_into_first_range)
  }
}

interface FetchedRange {
  readonly chunks: { readonly start: number; readonly end: number }
  readonly bytes: { readonly start: number; readonly end: number }
}

function holds({ chunks }: FetchedRange, range: { start: number; end: number }): boolean {
  return chunks.start <= range.start && range.end <= chunks.end
}

/** The answer, which must have this status. */
export async function expectStatus<T extends { statusCode: number; body: string }>(
  status: number,
  answer: Promise<T>,
): Promise<T> {
  const found = await answer
  if (found.statusCode !== status)
    throw new Error(`expected ${status}, got ${found.statusCode}: ${found.body.slice(0, 300)}`)
  return found
}
