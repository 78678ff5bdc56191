import { Readable } from 'node:stream'
import { z } from 'zod'
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
      async handle(call) {
        const repo = repoOf(call)
        const { actor } = call
        const form = await gateFormOf(parts, repo)
        const own = actor.kind === 'user' ? await requestOf(parts.database.sql, repo.id, actor.id) : undefined
        return {
          gated: repo.gated,
          ...form,
          /** What the owners get to know of who asks, beside the answers. */
          shares: ['username', 'fullname', 'email'],
          request: own ? presentRequest(own) : null,
        }
      },
    }),
    route({
      method: 'POST',
      path,
      grant: 'repo:engage',
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
      handle: call =>
        call.reply
          .type('application/x-ndjson; charset=utf-8')
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
