import { z } from 'zod'
import { accessToken, newAccessToken } from '../../../contract/accounts.ts'
import { encodeCursor, linkNextPage, readPosition } from '../../http/pages.ts'
import { count, text } from '../../http/query.ts'
import { type Route, route } from '../../http/route.ts'
import type { User } from '../../kernel/actor.ts'
import { addOwnToken } from './add-own-token.ts'
import { fineGrainedShape, presentScopes, readScopes } from './fine-grained.ts'
import type { AccountParts } from './parts.ts'
import { renameToken } from './rename-token.ts'
import { revokeToken } from './revoke-token.ts'
import { type ListedToken, scopesOfTokens, tokensOf } from './store.ts'

const pageSize = 100

const newToken = z.intersection(
  z.object({
    displayName: z.string(),
    expiresAt: z.iso
      .datetime()
      .transform(date => Date.parse(date))
      .optional(),
  }),
  z.discriminatedUnion('role', [
    z.object({ role: z.enum(['read', 'write']) }),
    z.object({ role: z.literal('fineGrained'), fineGrained: fineGrainedShape }),
  ]),
)

/** One's own access tokens. The secret is in one answer, that to POST. */
export function tokenRoutes(parts: AccountParts): Route[] {
  const path = '/api/settings/tokens'
  return [
    route({
      method: 'GET',
      path,
      grant: 'own:manage',
      about: { summary: 'Your access tokens', answers: { 200: z.array(accessToken) } },
      query: z.object({ limit: count, cursor: text }),
      async handle(call) {
        const user = call.actor as User
        const limit = Math.min(call.query.limit ?? pageSize, pageSize)
        const after = call.query.cursor && readPosition(call.query.cursor, z.string())
        const found = await tokensOf(parts.database.sql, user.id, { after, limit: limit + 1 })
        const page = found.slice(0, limit)
        linkNextPage(call, found.length > limit ? encodeCursor(page.at(-1)?.id) : undefined)
        return await present(parts, user, page)
      },
    }),
    route({
      method: 'POST',
      path,
      grant: 'own:manage',
      about: { summary: 'Make an access token', answers: { 200: newAccessToken } },
      body: newToken,
      async handle({ actor, body, reply }) {
        const user = actor as User
        const { displayName: name, expiresAt } = body
        const { token, listed } = await addOwnToken(
          parts,
          user,
          body.role === 'fineGrained'
            ? {
                name,
                expiresAt,
                role: 'fine-grained',
                scopes: await readScopes(parts, user, body.fineGrained),
              }
            : { name, expiresAt, role: body.role },
        )
        reply.header('cache-control', 'no-store')
        const [shown] = await present(parts, user, [listed])
        return { ...shown, token }
      },
    }),
    route({
      method: 'PATCH',
      path: `${path}/:id`,
      grant: 'own:manage',
      about: { summary: 'Rename an access token', answers: { 200: accessToken } },
      body: z.object({ displayName: z.string() }),
      async handle({ actor, params, body }) {
        const user = actor as User
        const [shown] = await present(parts, user, [
          await renameToken(parts, user, params.id ?? '', body.displayName),
        ])
        return shown
      },
    }),
    route({
      method: 'DELETE',
      path: `${path}/:id`,
      grant: 'own:manage',
      about: { summary: 'Revoke an access token, and those that were made with it', answers: { 204: null } },
      handle: ({ actor, params }) => revokeToken(parts, (actor as User).name, params.id ?? ''),
    }),
  ]
}

async function present(parts: AccountParts, user: User, tokens: readonly ListedToken[]): Promise<object[]> {
  const fineGrained = tokens.filter(token => token.role === 'fine-grained').map(token => token.id)
  const scopes = await scopesOfTokens(parts.database.sql, fineGrained)
  const describe = await presentScopes(parts, user, [...scopes.values()].flat())
  return tokens.map(token => ({
    id: token.id,
    displayName: token.name,
    role: token.role === 'fine-grained' ? 'fineGrained' : token.role,
    createdAt: iso(token.created_at),
    lastUsedAt: iso(token.last_used_at),
    expiresAt: iso(token.expires_at),
    ...(token.role === 'fine-grained' && { fineGrained: describe(scopes.get(token.id) ?? []) }),
    isCurrent: user.credential.kind === 'token' && user.credential.id === token.id,
  }))
}

function iso(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString()
}
