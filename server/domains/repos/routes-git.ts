import { Readable } from 'node:stream'
import { z } from 'zod'
import { text } from '../../http/query.ts'
import { type Call, type Route, repoOf, route } from '../../http/route.ts'
import { LimitExceeded, MalformedInput } from '../../kernel/errors.ts'
import { answerPush } from './answer-push.ts'
import { uploadPack } from './git-fetch.ts'
import type { RepoParts } from './parts.ts'
import { encodePushRefs } from './push-request.ts'
import { allRefs } from './store.ts'

/** Wants and haves of one round; a hundred thousand refs are 5 MB. */
const negotiationLimit = 64 * 1024 * 1024

const advertisements = ['upload', 'receive'].map(service => `application/x-git-${service}-pack-advertisement`)

/** Smart HTTP as the git program speaks it: gitprotocol-http(5). */
export function gitRoutes(parts: RepoParts): Route[] {
  return [
    route({
      method: 'GET',
      path: '{web}/info/refs',
      grant: 'repo:read',
      about: { summary: 'Refs, for git', answers: { 200: advertisements } },
      challenge: 'Basic',
      query: z.object({ service: text }),
      async handle(call) {
        const repo = repoOf(call)
        if (call.query.service === 'git-upload-pack') {
          return answer(call, 'git-upload-pack-advertisement', await advertiseFetch(parts, call))
        }
        if (call.query.service === 'git-receive-pack') {
          parts.policy.demand(call.actor, 'repo:write', { repo })
          const refs = await allRefs(parts.database.sql, repo.id)
          return answer(call, 'git-receive-pack-advertisement', [encodePushRefs(refs)])
        }
        throw new MalformedInput(
          'service',
          'must be git-upload-pack or git-receive-pack; git before 1.6.6 and its dumb protocol are not served',
        )
      },
    }),
    route({
      method: 'POST',
      path: '{web}/git-upload-pack',
      grant: 'repo:read',
      about: {
        summary: 'Fetch by git',
        takes: 'application/x-git-upload-pack-request',
        answers: { 200: 'application/x-git-upload-pack-result' },
      },
      challenge: 'Basic',
      async handle(call) {
        demandType(call, 'git-upload-pack')
        const body = atMost(call.stream, negotiationLimit)
        const pack = await uploadPack(parts, repoOf(call), { ...fetchFrom(call), body })
        return answer(call, 'git-upload-pack-result', pack)
      },
    }),
    route({
      method: 'POST',
      path: '{web}/git-receive-pack',
      grant: 'repo:write',
      about: {
        summary: 'Push by git',
        takes: 'application/x-git-receive-pack-request',
        answers: { 200: 'application/x-git-receive-pack-result' },
      },
      challenge: 'Basic',
      async handle(call) {
        demandType(call, 'git-receive-pack')
        const { log } = call.request
        const report = await answerPush(parts, repoOf(call), call.stream, error =>
          log.error({ reqId: call.request.id, err: error }, 'push failed'),
        )
        return answer(call, 'git-receive-pack-result', report)
      },
    }),
  ]
}

/** The service line stands before the refs, but not in version 2 (gitprotocol-v2(5) "HTTP Transport"). */
async function advertiseFetch(parts: RepoParts, call: Call): Promise<AsyncIterable<Uint8Array>> {
  const fetch = fetchFrom(call)
  const refs = await uploadPack(parts, repoOf(call), fetch)
  if (fetch.protocol === 'version=2') return refs
  return (async function* () {
    yield Buffer.from('001e# service=git-upload-pack\n0000')
    yield* refs
  })()
}

function fetchFrom(call: Call) {
  const { request, reply } = call
  const header = request.headers['git-protocol']
  const gone = new AbortController()
  reply.raw.once('close', () => gone.abort())
  return {
    protocol: typeof header === 'string' && /^version=[012]$/.test(header) ? header : undefined,
    signal: gone.signal,
    onComplaint: (error: Error) =>
      request.log.warn({ reqId: request.id, err: error }, 'fetch refused by git'),
  }
}

/** A page of another site can make a browser send a form with its user's password, but not with this type. */
function demandType(call: Call, service: string): void {
  const wanted = `application/x-${service}-request`
  const found = call.request.headers['content-type']
  if (found !== wanted)
    throw new MalformedInput('content-type', `is ${found ?? 'absent'}; it must be ${wanted}`)
}

function answer(call: Call, type: string, bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): unknown {
  return call.reply
    .header('content-type', `application/x-${type}`)
    .header('cache-control', 'no-cache')
    .send(Readable.from(bytes, { objectMode: false }))
}

async function* atMost(bytes: AsyncIterable<Uint8Array>, limit: number): AsyncGenerator<Uint8Array> {
  let length = 0
  for await (const piece of bytes) {
    length += piece.length
    if (length > limit) throw new LimitExceeded('request body', limit, 'bytes')
    yield piece
  }
}
