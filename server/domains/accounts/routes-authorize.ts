import { z } from 'zod'
import { openIdConfiguration, registeredClient, userInfo } from '../../../contract/accounts.ts'
import { text } from '../../http/query.ts'
import { type Call, type Route, route } from '../../http/route.ts'
import type { User } from '../../kernel/actor.ts'
import { grantCode } from './authorization-code.ts'
import {
  type AuthorizationRequest,
  knownScopes,
  readClient,
  readDemand,
  registerClient,
  registrationShape,
} from './authorization-request.ts'
import { type AuthorizePage, sendAuthorizePage } from './authorize-page.ts'
import { beginSession } from './begin-session.ts'
import { OAuthRefusal, TooManyAttempts, WrongPassword } from './errors.ts'
import type { AccountParts } from './parts.ts'
import { sessionCookie } from './session-cookie.ts'
import { whoAmI } from './who-am-i.ts'

const html = 'text/html'
const question = z.object({
  client_id: text,
  redirect_uri: text,
  response_type: text,
  scope: text,
  state: text,
  code_challenge: text,
  code_challenge_method: text,
})
type Question = z.infer<typeof question>

/**
 * "Sign in with this hub": OAuth 2.0 authorization code with PKCE (RFC 6749 4.1, RFC 7636; @huggingface/hub
 * `oauth-login-url.ts`, `oauth-handle-redirect.ts`). No secret and no id_token: an application asks userinfo.
 */
export function authorizeRoutes(parts: AccountParts): Route[] {
  return [
    ...['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server'].map(path =>
      route({
        method: 'GET',
        path,
        grant: 'anyone',
        about: { summary: 'Where an application signs users in', answers: { 200: openIdConfiguration } },
        handle: ({ origin }) => ({
          issuer: origin,
          authorization_endpoint: `${origin}/oauth/authorize`,
          token_endpoint: `${origin}/oauth/token`,
          userinfo_endpoint: `${origin}/oauth/userinfo`,
          registration_endpoint: `${origin}/oauth/register`,
          device_authorization_endpoint: `${origin}/oauth/device`,
          scopes_supported: knownScopes,
          response_types_supported: ['code'],
          response_modes_supported: ['query'],
          grant_types_supported: [
            'authorization_code',
            'refresh_token',
            'urn:ietf:params:oauth:grant-type:device_code',
          ],
          subject_types_supported: ['public'],
          token_endpoint_auth_methods_supported: ['none'],
          code_challenge_methods_supported: ['S256'],
        }),
      }),
    ),
    route({
      method: 'POST',
      path: '/oauth/register',
      grant: 'anyone',
      about: { summary: 'An application registers itself', answers: { 201: registeredClient } },
      body: registrationShape,
      handle({ body, reply }) {
        reply.code(201).header('cache-control', 'no-store')
        return { ...body, client_id: registerClient(parts.signer, body), token_endpoint_auth_method: 'none' }
      },
    }),
    route({
      method: 'GET',
      path: '/oauth/authorize',
      grant: 'anyone',
      about: {
        summary: 'The page on which somebody lets an application in',
        answers: { 200: html, 303: null },
      },
      query: question,
      handle: call =>
        answer(parts, call, request => {
          const { actor } = call
          return show(
            call,
            actor.kind === 'user' ? { kind: 'decide', user: actor.name } : { kind: 'sign-in' },
            request,
          )
        }),
    }),
    route({
      method: 'POST',
      path: '/oauth/authorize/login',
      grant: 'anyone',
      about: { summary: 'Sign in on the way to that page', answers: { 200: html, 303: null } },
      ownPagesOnly: true,
      query: question,
      body: z.object({ name: z.string().max(100), password: z.string().max(1024) }),
      handle: call =>
        answer(parts, call, async request => {
          const { body, reply, origin } = call
          try {
            const userAgent = call.request.headers['user-agent'] ?? ''
            const { key } = await beginSession(parts, { ...body, userAgent })
            return reply
              .header('set-cookie', sessionCookie(key, origin))
              .redirect(`/oauth/authorize?${queryOf(call.query)}`, 303)
          } catch (error) {
            if (error instanceof WrongPassword)
              return show(call, { kind: 'sign-in', fault: 'wrong-password' }, request)
            if (error instanceof TooManyAttempts)
              return show(call, { kind: 'sign-in', fault: 'too-many' }, request)
            throw error
          }
        }),
    }),
    route({
      method: 'POST',
      path: '/oauth/authorize',
      grant: 'own:secure',
      about: { summary: 'Let the application in, or do not', answers: { 303: null } },
      query: question,
      body: z.object({ answer: z.enum(['allow', 'deny']).optional() }).optional(),
      handle: call =>
        answer(parts, call, async request => {
          if (call.body?.answer === 'deny') throw new OAuthRefusal('access_denied', 'the user has said no')
          const code = await grantCode(parts, call.actor as User, request)
          return sendBack(call, { code })
        }),
    }),
    route({
      method: ['GET', 'POST'],
      path: '/oauth/userinfo',
      grant: 'signed-in',
      about: { summary: 'Who has let the application in', answers: { 200: userInfo } },
      async handle({ actor, origin, reply }) {
        const me = await whoAmI(parts, actor as User)
        reply.header('cache-control', 'no-store')
        return {
          sub: me.id,
          name: me.fullname,
          preferred_username: me.name,
          profile: `${origin}/${me.name}`,
          picture: me.avatarUrl,
          ...(me.email !== null && { email: me.email, email_verified: me.emailVerified }),
          isPro: me.isPro,
          orgs: me.orgs.map(org => ({
            sub: org.id,
            name: org.fullname,
            preferred_username: org.name,
            picture: org.avatarUrl,
            roleInOrg: org.roleInOrg,
          })),
        }
      },
    }),
  ]
}

type Asked = Pick<Call<Question>, 'query' | 'reply' | 'request'>

/** Does `work` for a request that is in order. What is wrong with it, or goes wrong, the application is told by redirect. */
async function answer(
  parts: AccountParts,
  call: Asked,
  work: (request: AuthorizationRequest) => unknown,
): Promise<unknown> {
  const client = readClient(parts.signer, call.query)
  try {
    return await work({ ...client, state: call.query.state, ...readDemand(call.query) })
  } catch (error) {
    if (!(error instanceof OAuthRefusal)) throw error
    return sendBack(call, { error: error.code, error_description: error.message })
  }
}

/** The browser goes back to the application, with `said` in the query (RFC 6749 4.1.2). */
function sendBack({ query, reply }: Asked, said: Record<string, string>) {
  const url = new URL(query.redirect_uri ?? '')
  for (const [name, value] of Object.entries(said)) url.searchParams.set(name, value)
  if (query.state !== undefined) url.searchParams.set('state', query.state)
  return reply.header('cache-control', 'no-store').redirect(url.href, 303)
}

function show(call: Asked, page: AuthorizePage, request: AuthorizationRequest) {
  return sendAuthorizePage(call.reply, page, request, {
    query: queryOf(call.query),
    acceptLanguage: call.request.headers['accept-language'],
  })
}

function queryOf(query: Question): string {
  const said = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return new URLSearchParams(said).toString()
}
