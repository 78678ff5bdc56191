import { z } from 'zod'
import { deviceLogin, issuedTokens } from '../../../contract/accounts.ts'
import { text } from '../../http/query.ts'
import { type Call, type Route, route } from '../../http/route.ts'
import type { User } from '../../kernel/actor.ts'
import { answerDeviceLogin, findWaitingProgram } from './answer-device-login.ts'
import { redeemCode } from './authorization-code.ts'
import { beginDeviceLogin } from './begin-device-login.ts'
import { beginSession } from './begin-session.ts'
import { type DevicePage, sendDevicePage } from './device-page.ts'
import { OAuthRefusal, TooManyAttempts, WrongPassword } from './errors.ts'
import type { AccountParts } from './parts.ts'
import { redeemDeviceCode } from './redeem-device-code.ts'
import { refreshToken } from './refresh-token.ts'
import { sessionCookie } from './session-cookie.ts'

const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code'
const word = z.string().max(4096).optional()
const tokenRequest = z.object({
  grant_type: word,
  client_id: word,
  device_code: word,
  refresh_token: word,
  code: word,
  code_verifier: word,
  redirect_uri: word,
})
const html = 'text/html'

/**
 * `hf auth login` without a token: OAuth 2.0 Device Authorization Grant (RFC 8628; huggingface_hub
 * `utils/_oauth_device.py`). The program uses the two POST routes, its user the pages.
 */
export function oauthRoutes(parts: AccountParts): Route[] {
  return [
    route({
      method: 'POST',
      path: '/oauth/device',
      grant: 'anyone',
      about: { summary: 'A program asks to be let in', answers: { 200: deviceLogin } },
      body: z.object({ client_id: z.string().max(200).optional() }),
      async handle({ body, request, reply, origin }) {
        const begun = await beginDeviceLogin(parts, {
          clientId: body.client_id,
          userAgent: request.headers['user-agent'] ?? '',
        })
        const page = `${origin}/oauth/device`
        reply.header('cache-control', 'no-store')
        return {
          device_code: begun.deviceCode,
          user_code: begun.userCode,
          verification_uri: page,
          verification_uri_complete: `${page}?user_code=${begun.userCode}`,
          expires_in: begun.expiresInSeconds,
          interval: begun.intervalSeconds,
        }
      },
    }),
    route({
      method: 'POST',
      path: '/oauth/token',
      grant: 'anyone',
      about: { summary: 'The program fetches, or renews, its access token', answers: { 200: issuedTokens } },
      body: tokenRequest,
      async handle({ body, reply }) {
        const issued = await issue(parts, body)
        reply.header('cache-control', 'no-store')
        return {
          access_token: issued.accessToken,
          token_type: 'Bearer',
          expires_in: issued.expiresInSeconds,
          ...('role' in issued
            ? { refresh_token: issued.refreshToken, scope: issued.role }
            : { scope: issued.scope }),
        }
      },
    }),
    route({
      method: 'GET',
      path: '/oauth/device',
      grant: 'anyone',
      about: { summary: 'The page on which somebody lets a program in', answers: { 200: html } },
      query: z.object({ user_code: text }),
      async handle(call) {
        const { actor, query } = call
        const userCode = (query.user_code ?? '').slice(0, 20)
        if (actor.kind === 'anonymous') return show(call, { kind: 'sign-in', userCode })
        if (userCode === '') return show(call, { kind: 'enter-code' })
        return await orTooMany(call, async () => {
          const program = await findWaitingProgram(parts, actor, userCode)
          return show(
            call,
            program
              ? { kind: 'decide', user: actor.name, program }
              : { kind: 'enter-code', fault: 'unknown-code' },
          )
        })
      },
    }),
    route({
      method: 'POST',
      path: '/oauth/device/login',
      grant: 'anyone',
      about: { summary: 'Sign in on the way to that page', answers: { 200: html, 303: null } },
      ownPagesOnly: true,
      body: z.object({
        name: z.string().max(100),
        password: z.string().max(1024),
        user_code: z.string().max(20),
      }),
      async handle(call) {
        const { body, request, reply, origin } = call
        const userCode = body.user_code
        try {
          const userAgent = request.headers['user-agent'] ?? ''
          const { key } = await beginSession(parts, { ...body, userAgent })
          return reply
            .header('set-cookie', sessionCookie(key, origin))
            .redirect(`/oauth/device?user_code=${encodeURIComponent(userCode)}`, 303)
        } catch (error) {
          if (error instanceof WrongPassword)
            return show(call, { kind: 'sign-in', userCode, fault: 'wrong-password' })
          if (error instanceof TooManyAttempts)
            return show(call, { kind: 'sign-in', userCode, fault: 'too-many' })
          throw error
        }
      },
    }),
    route({
      method: 'POST',
      path: '/oauth/device/answer',
      grant: 'own:secure',
      about: { summary: 'Let the program in, or do not', answers: { 200: html } },
      body: z.object({
        user_code: z.string().max(20),
        role: z.enum(['read', 'write']),
        answer: z.enum(['allow', 'deny']),
      }),
      async handle(call) {
        const { actor, body } = call
        const isAllowed = body.answer === 'allow'
        return await orTooMany(call, async () => {
          const answer = isAllowed ? { role: body.role } : 'denied'
          const isKnown = await answerDeviceLogin(parts, actor as User, body.user_code, answer)
          if (!isKnown) return show(call, { kind: 'enter-code', fault: 'unknown-code' })
          return show(call, { kind: isAllowed ? 'allowed' : 'denied' })
        })
      },
    }),
  ]
}

function issue(parts: AccountParts, body: z.infer<typeof tokenRequest>) {
  const need = (name: keyof typeof body) => {
    const value = body[name]
    if (!value) throw new OAuthRefusal('invalid_request', `${name} is missing`)
    return value
  }
  switch (need('grant_type')) {
    case 'authorization_code':
      return redeemCode(parts, {
        code: need('code'),
        codeVerifier: need('code_verifier'),
        redirectUri: need('redirect_uri'),
        clientId: body.client_id,
      })
    case deviceGrant:
      return redeemDeviceCode(parts, { clientId: need('client_id'), deviceCode: need('device_code') })
    case 'refresh_token':
      return refreshToken(parts, { clientId: need('client_id'), refreshToken: need('refresh_token') })
    default:
      throw new OAuthRefusal(
        'unsupported_grant_type',
        `must be authorization_code, ${deviceGrant} or refresh_token`,
      )
  }
}

function show({ reply, request }: Pick<Call, 'request' | 'reply'>, page: DevicePage) {
  return sendDevicePage(reply, page, request.headers['accept-language'])
}

async function orTooMany(
  call: Pick<Call, 'request' | 'reply'>,
  work: () => Promise<unknown>,
): Promise<unknown> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof TooManyAttempts)) throw error
    return show(call, { kind: 'enter-code', fault: 'too-many' })
  }
}
