import { z } from 'zod'
import { reconstructions, reconstructionV1, reconstructionV2 } from '../../../contract/cas.ts'
import { isHashText } from '../../formats/xet-hash.ts'
import { parseRange } from '../../http/ranges.ts'
import { type Call, octets, type Route, route } from '../../http/route.ts'
import { sendBytes } from '../../http/send-bytes.ts'
import { claimsOf, hashOf } from './cas-call.ts'
import { answerDedup } from './dedup-answer.ts'
import { FileNotKnown, FileRefuted } from './errors.ts'
import type { BlobParts } from './parts.ts'
import { fetchInfo, presentV1, presentV2 } from './present-reconstruction.ts'
import { readXorb } from './read-xorb.ts'
import { grantXorbBytes, type Reconstruction, reconstruct } from './reconstruct.ts'
import { uploadRoutes } from './routes-upload.ts'

const hashText = z.string().refine(isHashText, 'must be 64 lower-case hex digits')
/** One request may ask for so many files. */
const mostFiles = 1000
const fileIds = z.object({ file_id: z.union([hashText, z.array(hashText).max(mostFiles)]) })
/** The documents say a set of keys; a key is a hash, alone or with its prefix (xet-core `cas_types/key.rs`). */
const fileKeys = z
  .array(z.union([hashText, z.object({ hash: hashText }).transform(key => key.hash)]))
  .max(mostFiles)

/** The CAS of the Xet protocol: what clients get from `casUrl` on. */
export function casRoutes(parts: BlobParts): Route[] {
  return [
    route({
      method: 'GET',
      path: '/cas/v2/reconstructions/:file',
      grant: 'cas:read',
      about: { summary: 'What a file is made of, and where to get it', answers: { 200: reconstructionV2 } },
      async handle(call) {
        const file = hashOf(call, 'file')
        const found = await reconstruct(parts, claimsOf(call).holder, file, call.request.headers.range)
        return presentV2(parts, call.origin, claimsOf(call), file, found)
      },
    }),
    route({
      method: 'GET',
      path: '/cas/v1/reconstructions/:file',
      grant: 'cas:read',
      about: { summary: 'What a file is made of, as version 1 says it', answers: { 200: reconstructionV1 } },
      async handle(call) {
        const file = hashOf(call, 'file')
        const found = await reconstruct(parts, claimsOf(call).holder, file, call.request.headers.range)
        return presentV1(parts, call.origin, claimsOf(call), file, found)
      },
    }),
    route({
      method: 'GET',
      path: '/cas/v1/reconstructions',
      grant: 'cas:read',
      about: { summary: 'What several files are made of', answers: { 200: reconstructions } },
      query: fileIds,
      handle: call => reconstructMany(parts, call, [call.query.file_id].flat()),
    }),
    route({
      method: 'POST',
      path: '/cas/v1/reconstructions',
      grant: 'cas:read',
      about: { summary: 'What several files are made of', answers: { 200: reconstructions } },
      body: fileKeys,
      handle: call => reconstructMany(parts, call, call.body),
    }),
    route({
      method: 'GET',
      path: '/cas/v1/chunks/:prefix/:chunk',
      grant: 'cas:read',
      about: { summary: 'A shard of xorbs that hold this chunk', answers: { 200: octets } },
      async handle(call) {
        const shard = await answerDedup(parts, claimsOf(call), hashOf(call, 'chunk'))
        call.reply.type('application/octet-stream')
        return shard
      },
    }),
    route({
      method: 'GET',
      path: '/cas/v1/data/:xorb',
      grant: 'signed-url',
      about: { summary: 'Bytes of a xorb', answers: { 200: octets, 206: octets } },
      query: z.object({ file: hashText }),
      async handle(call) {
        const { range } = call.request.headers
        const wanted = (size: number) => {
          const asked = parseRange(range, size)
          return asked.kind === 'ranges' ? asked.ranges : [{ start: 0, end: size }]
        }
        const index = await grantXorbBytes(parts, call.query.file, hashOf(call, 'xorb'), wanted)
        return sendBytes(call.request, call.reply, {
          size: index.framesLength,
          contentType: 'application/octet-stream',
          read: part => readXorb(parts, index, part),
        })
      },
    }),
    ...uploadRoutes(parts),
  ]
}

type AnyCall = Pick<Call, 'params' | 'proven' | 'origin' | 'request'>

/** Files that the holder does not have are left out. */
async function reconstructMany(parts: BlobParts, call: AnyCall, files: readonly string[]) {
  const answer = { files: {} as Record<string, unknown>, fetch_info: {} as Record<string, unknown[]> }
  for (const file of new Set(files)) {
    const found = await reconstructIfKnown(parts, claimsOf(call).holder, file)
    if (!found) continue
    answer.files[file] = found.terms
    for (const [xorb, entries] of Object.entries(
      fetchInfo(parts, call.origin, claimsOf(call), file, found),
    )) {
      answer.fetch_info[xorb] = [...(answer.fetch_info[xorb] ?? []), ...entries]
    }
  }
  return answer
}

async function reconstructIfKnown(
  parts: BlobParts,
  holder: string,
  file: string,
): Promise<Reconstruction | undefined> {
  try {
    return await reconstruct(parts, holder, file, undefined)
  } catch (error) {
    if (error instanceof FileNotKnown || error instanceof FileRefuted) return undefined
    throw error
  }
}
