import { z } from 'zod'
import { session, signedIn, signedUp } from '../../../contract/accounts.ts'
import { encodeCursor, linkNextPage, readPosition } from '../../http/pages.ts'
import { count, text } from '../../http/query.ts'
import { type Route, route } from '../../http/route.ts'
import type { User } from '../../kernel/actor.ts'
import { addUser } from './add-user.ts'
import { beginSession } from './begin-session.ts'
import { changePassword } from './change-password.ts'
import { SessionNotFound, SignUpClosed } from './errors.ts'
import type { AccountParts } from './parts.ts'
import { hashSessionKey, sessionCookie, sessionKeyOf } from './session-cookie.ts'
import { deleteSession, deleteSessionByHash, sessionsOf } from './store-sessions.ts'

const pageSize = 100
const name = z.string().max(100)
const password = z.string().max(1024)

/** How a browser comes in and goes out. What these routes are asked by pages of other sites is refused. */
export function sessionRoutes(parts: AccountParts): Route[] {
  const { sql } = parts.database
  return [
    route({
      method: 'POST',
      path: '/api/login',
      grant: 'anyone',
      about: { summary: 'Begin a browser session', answers: { 200: signedIn } },
      ownPagesOnly: true,
      body: z.object({ name, password }),
      async handle({ body, request, reply, origin }) {
        const userAgent = request.headers['user-agent'] ?? ''
        const { user, key } = await beginSession(parts, { ...body, userAgent })
        reply.header('set-cookie', sessionCookie(key, origin)).header('cache-control', 'no-store')
        return { name: user }
      },
    }),
    route({
      method: 'POST',
      path: '/api/logout',
      grant: 'anyone',
      about: { summary: 'End the browser session', answers: { 204: null } },
      ownPagesOnly: true,
      async handle({ request, reply, origin }) {
        const key = sessionKeyOf(request.headers.cookie)
        if (key !== undefined) await deleteSessionByHash(sql, hashSessionKey(key))
        reply.header('set-cookie', sessionCookie(undefined, origin))
      },
    }),
    route({
      method: 'POST',
      path: '/api/signup',
      grant: 'anyone',
      about: { summary: 'Make an account, where anybody may', answers: { 200: signedUp } },
      ownPagesOnly: true,
      body: z.object({ name, password, email: z.string().optional(), fullname: z.string().optional() }),
      async handle({ body }) {
        if (parts.signUp === 'closed') throw new SignUpClosed()
        const account = await addUser(parts, body)
        return { id: account.id, name: account.name }
      },
    }),
    route({
      method: 'POST',
      path: '/api/settings/password',
      grant: 'own:secure',
      about: { summary: 'Change your password', answers: { 204: null } },
      body: z.object({ current: password, wanted: z.string() }),
      handle: ({ actor, body }) => changePassword(parts, actor as User, body),
    }),
    route({
      method: 'GET',
      path: '/api/settings/sessions',
      grant: 'own:secure',
      about: { summary: 'Where you are signed in', answers: { 200: z.array(session) } },
      query: z.object({ limit: count, cursor: text }),
      async handle(call) {
        const { id: userId, credential } = call.actor as User
        const limit = Math.min(call.query.limit ?? pageSize, pageSize)
        const before = call.query.cursor && readPosition(call.query.cursor, z.string())
        const found = await sessionsOf(sql, userId, { before, limit: limit + 1 })
        const page = found.slice(0, limit)
        linkNextPage(call, found.length > limit ? encodeCursor(page.at(-1)?.id) : undefined)
        return page.map(row => ({
          id: row.id,
          userAgent: row.user_agent,
          createdAt: new Date(row.created_at).toISOString(),
          lastUsedAt: new Date(row.last_used_at).toISOString(),
          isCurrent: credential.kind === 'session' && credential.id === row.id,
        }))
      },
    }),
    route({
      method: 'DELETE',
      path: '/api/settings/sessions/:id',
      grant: 'own:secure',
      about: { summary: 'Sign another browser out', answers: { 204: null } },
      async handle({ actor, params }) {
        const id = params.id ?? ''
        if (!(await deleteSession(sql, (actor as User).id, id))) throw new SessionNotFound(id)
      },
    }),
  ]
}
