import { z } from 'zod'
import { nothing, refusal } from '../../../contract/parts.ts'
import { lfsBatch } from '../../../contract/repos.ts'
import { inPassing } from '../../http/body.ts'
import { type Call, octets, type Route, repoOf, route } from '../../http/route.ts'
import { sendBytes } from '../../http/send-bytes.ts'
import type { Delegation } from '../../kernel/delegation.ts'
import { RepoNotFound } from '../../kernel/errors.ts'
import { repoApiPath, repoId } from '../../kernel/repository.ts'
import { NotSignedIn } from '../policy/index.ts'
import { LfsObjectMissing, LocksNotOffered } from './errors.ts'
import { downloadAnswers, type LfsAnswer, uploadAnswers } from './lfs-batch.ts'
import type { RepoParts } from './parts.ts'
import { issueXetToken, xetHeaders } from './routes-xet.ts'

const mediaType = 'application/vnd.git-lfs+json'

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be a sha256 of 64 hex digits')
const size = z.number().int().nonnegative()

const batch = z.object({
  operation: z.enum(['upload', 'download']),
  transfers: z.array(z.string()).max(20).nullish(),
  objects: z.array(z.object({ oid: sha256, size })).max(1000),
  hash_algo: z.enum(['sha256', 'sha_256']).nullish(),
})

/** hub-protocol sections 6.1 and 10: the batch route and the signed URLs that it hands out. */
export function lfsRoutes(parts: RepoParts): Route[] {
  return [
    route({
      method: 'POST',
      path: '{web}/info/lfs/objects/batch',
      // Uploading asks for more, below: one route serves both.
      grant: 'repo:read',
      about: {
        summary: 'Where LFS objects are got or put',
        answers: { 200: { type: mediaType, shape: lfsBatch } },
      },
      challenge: 'Basic',
      body: batch,
      bodyLimit: 4 * 1024 * 1024,
      async handle(call) {
        const { body } = call
        const repo = repoOf(call)
        const transfers = body.transfers ?? ['basic']
        if (body.operation === 'download') {
          const objects = await downloadAnswers(parts, call.origin, repo, call.actor, body.objects)
          return sendLfs(call, { transfer: 'basic', objects, hash_algo: 'sha256' })
        }
        // It is not told where the commit will go: whoever may open a pull request may bring files for it.
        parts.policy.demand(call.actor, 'repo:discuss', { repo })
        if (call.actor.kind !== 'user') throw new NotSignedIn()
        const useXet = transfers.includes('xet')
        const useMultipart = !useXet && transfers.includes('multipart')
        const answers = await uploadAnswers(parts, call.origin, repo, call.actor, body.objects, useMultipart)
        const transfer = useXet ? 'xet' : answers.some(isMultipart) ? 'multipart' : 'basic'
        const objects = useXet ? answers.map(answer => throughXet(parts, call as Call, answer)) : answers
        return sendLfs(call, { transfer, objects, hash_algo: 'sha256' })
      },
    }),
    route({
      method: 'POST',
      path: '{web}/info/lfs/objects/:oid/verify',
      // git-lfs sends no credentials to what the batch answer calls authenticated.
      grant: 'signed-url',
      about: {
        summary: 'Whether an uploaded LFS object is here',
        answers: { 200: { type: mediaType, shape: nothing } },
      },
      body: z.object({ oid: sha256, size }),
      async handle(call) {
        const oid = String(call.params.oid)
        const file = await parts.blobs.find(signedHolder(call), oid)
        if (call.body.oid !== oid || file?.size !== call.body.size) {
          throw new LfsObjectMissing([{ path: 'the uploaded object', sha256: call.body.oid }])
        }
        return sendLfs(call, {})
      },
    }),
    route({
      method: ['GET', 'HEAD'],
      path: '{web}/info/lfs/objects/:oid',
      grant: 'signed-url',
      about: { summary: 'Content of an LFS object', answers: { 200: octets, 206: octets } },
      async handle(call) {
        const oid = String(call.params.oid)
        const file = await parts.blobs.find(signedHolder(call), oid)
        if (!file) throw new RepoNotFound(`${repoId(repoOf(call))} (object ${oid})`)
        call.reply.header('etag', `"${oid}"`)
        return sendBytes(call.request, call.reply, {
          size: file.size,
          contentType: 'application/octet-stream',
          read: range => parts.blobs.read(file, range),
        })
      },
    }),
    route({
      method: 'PUT',
      path: '{web}/info/lfs/objects/:oid/:size',
      grant: 'signed-url',
      about: { summary: 'Put the content of an LFS object', takes: octets, answers: { 200: null } },
      async handle(call) {
        const expected = { sha256: String(call.params.oid), size: Number(call.params.size) }
        await parts.blobs.ingest(signedHolder(call), inPassing(call.stream), expected)
        return call.reply.code(200).header('etag', `"${expected.sha256}"`).send()
      },
    }),
    route({
      method: 'PUT',
      path: '{web}/info/lfs/uploads/:upload/:part',
      grant: 'signed-url',
      about: { summary: 'Put a part of an LFS object', takes: octets, answers: { 200: null } },
      async handle(call) {
        signedHolder(call)
        const part = Number(call.params.part)
        await parts.blobs.putPart(String(call.params.upload), part, inPassing(call.stream))
        return call.reply.code(200).header('etag', `"${call.params.upload}-${part}"`).send()
      },
    }),
    route({
      method: 'POST',
      path: '{web}/info/lfs/uploads/:upload',
      grant: 'signed-url',
      about: {
        summary: 'Join the parts of an LFS object',
        answers: { 200: { type: mediaType, shape: nothing } },
      },
      body: z.object({ oid: sha256 }),
      bodyLimit: 4 * 1024 * 1024,
      async handle(call) {
        signedHolder(call)
        await parts.blobs.completeMultipart(String(call.params.upload))
        return sendLfs(call, {})
      },
    }),
    ...(['{web}/info/lfs/locks', '{web}/info/lfs/locks/*'] as const).map(path =>
      route({
        method: ['GET', 'POST'],
        path,
        grant: 'repo:view',
        about: {
          summary: 'Refused: locks of git-lfs are not offered',
          ...(path.endsWith('*') && { tail: ['lock'] }),
          answers: { 501: refusal.extend({ message: z.string() }) },
        },
        challenge: 'Basic',
        handle() {
          throw new LocksNotOffered()
        },
      }),
    ),
  ]
}

/** Whom the URL was signed for: this repository, and not another that has taken its name since. */
function signedHolder(call: Pick<Call, 'repo' | 'request' | 'proven'>): string {
  const repo = repoOf(call)
  const delegation = call.proven as Delegation
  if (delegation.repo !== repo.id) throw new RepoNotFound(repoId(repo))
  return delegation.holder
}

function sendLfs(call: Pick<Call, 'reply'>, answer: unknown) {
  return call.reply.type(mediaType).send(JSON.stringify(answer))
}

function isMultipart(answer: LfsAnswer): boolean {
  return answer.actions?.upload?.header?.chunk_size !== undefined
}

/** The same objects by the Xet transfer: `href` is where the client renews its token (@huggingface/hub `src/lib/commit.ts`). */
function throughXet(parts: RepoParts, call: Call, answer: LfsAnswer): LfsAnswer {
  if (!answer.actions) return answer
  const repo = repoOf(call)
  const forPullRequest = parts.policy.can(call.actor, 'repo:write', { repo }).allowed ? '' : '?create_pr=1'
  const href = `${call.origin}${repoApiPath(repo)}/xet-write-token/main${forPullRequest}`
  const header = { ...xetHeaders(issueXetToken(parts, call, 'write')), 'x-xet-session-id': call.request.id }
  return { oid: answer.oid, size: answer.size, authenticated: true, actions: { upload: { href, header } } }
}
