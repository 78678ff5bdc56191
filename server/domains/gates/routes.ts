import { Readable } from 'node:stream'
import { z } from 'zod'
import { accessRequests, askedAccess, gateForm } from '../../../contract/gates.ts'
import { nothing } from '../../../contract/parts.ts'
import { encodeCursor, linkNextPage, readPosition } from '../../http/pages.ts'
import { count, text } from '../../http/query.ts'
import { type Route, repoOf, route } from '../../http/route.ts'
import type { User } from '../../kernel/actor.ts'
import { MalformedInput } from '../../kernel/errors.ts'
import { Forbidden } from '../policy/index.ts'
import { askAccess } from './ask-access.ts'
import { decideRequest, type Whose } from './decide-request.ts'
import { gateFormOf } from './gate-form.ts'
import { grantAccess } from './grant-access.ts'
import { listRequests, presentRequest, reportRequests } from './list-requests.ts'
import type { GateParts } from './parts.ts'
import { requestOf } from './store.ts'
import { requestStatuses } from './tables.ts'
import { withdrawRequest } from './withdraw-request.ts'

/** hub-protocol section 9: what owners and users do at the gate of a repository. */

const ndjson = 'application/x-ndjson'
const pageSize = 100
const mostOnPage = 1000

const decision = z.object({
  user: z.string().max(200).nullish(),
  requestId: z.string().max(100).nullish(),
  status: z.enum(requestStatuses),
  rejectionReason: z.string().max(200).nullish(),
})

export function gateRoutes(parts: GateParts): Route[] {
  return [...askRoutes(parts), ...ownerRoutes(parts)]
}

/** For whoever wants to come in: what is asked, the own request, asking, and taking it back. */
function askRoutes(parts: GateParts): Route[] {
  const path = '{web}/ask-access'
  return [
    route({
      method: 'GET',
      path,
      grant: 'repo:view',
      about: { summary: 'What a gate asks, and the own request', answers: { 200: gateForm } },
      async handle(call) {
        const repo = repoOf(call)
        const { actor } = call
        const form = await gateFormOf(parts, repo)
        const own = actor.kind === 'user' ? await requestOf(parts.database.sql, repo.id, actor.id) : undefined
        return {
          gated: repo.gated,
          ...form,
          shares: ['username', 'fullname', 'email'],
          request: own ? presentRequest(own) : null,
        }
      },
    }),
    route({
      method: 'POST',
      path,
      grant: 'repo:engage',
      about: { summary: 'Ask for access', answers: { 200: askedAccess } },
      body: z.record(z.string(), z.unknown()).default({}),
      async handle(call) {
        // A page of another site can make a browser send a form with its user's password.
        if (call.request.headers['sec-fetch-site'] === 'cross-site') {
          throw new Forbidden('access is asked for from pages of this hub, or by an access token')
        }
        return { status: await askAccess(parts, call.actor as User, repoOf(call), call.body) }
      },
    }),
    route({
      method: 'DELETE',
      path,
      grant: 'repo:engage',
      about: { summary: 'Take the own request for access back', answers: { 204: null } },
      handle: call => withdrawRequest(parts, call.actor as User, repoOf(call)),
    }),
  ]
}

function ownerRoutes(parts: GateParts): Route[] {
  const lists = requestStatuses.map(status =>
    route({
      method: 'GET',
      path: `{api}/user-access-request/${status}`,
      grant: 'repo:settings',
      about: { summary: `Requests for access that are ${status}`, answers: { 200: accessRequests } },
      query: z.object({ limit: count, cursor: text }),
      async handle(call) {
        const { cursor, limit } = call.query
        const before = cursor === undefined ? undefined : readPosition(cursor, z.string())
        const atMost = Math.min(limit ?? pageSize, mostOnPage)
        const { page, next } = await listRequests(parts, repoOf(call), status, before, atMost)
        linkNextPage(call, next === undefined ? undefined : encodeCursor(next))
        return page
      },
    }),
  )
  return [
    ...lists,
    route({
      method: 'POST',
      path: '{api}/user-access-request/handle',
      grant: 'repo:settings',
      about: { summary: 'Decide on a request for access', answers: { 200: nothing } },
      body: decision,
      async handle(call) {
        const { status, rejectionReason } = call.body
        await decideRequest(parts, repoOf(call), whoseOf(call.body), status, rejectionReason ?? undefined)
        return {}
      },
    }),
    route({
      method: 'POST',
      path: '{api}/user-access-request/grant',
      grant: 'repo:settings',
      about: { summary: 'Give access to who has not asked', answers: { 200: nothing } },
      body: z.object({ user: z.string().max(200) }),
      async handle(call) {
        await grantAccess(parts, repoOf(call), call.body.user)
        return {}
      },
    }),
    route({
      method: 'GET',
      path: '{api}/user-access-request/report',
      grant: 'repo:settings',
      about: { summary: 'All requests for access', answers: { 200: ndjson } },
      handle: call =>
        call.reply
          .type(ndjson)
          .header('content-disposition', 'attachment; filename="access-requests.ndjson"')
          .send(Readable.from(reportRequests(parts, repoOf(call)))),
    }),
  ]
}

function whoseOf({ user, requestId }: z.infer<typeof decision>): Whose {
  if (user && !requestId) return { user }
  if (requestId && !user) return { requestId }
  throw new MalformedInput('request body', 'must name either "user" or "requestId"')
}
