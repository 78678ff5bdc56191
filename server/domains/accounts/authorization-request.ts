import { z } from 'zod'
import type { Signer } from '../../kernel/signer.ts'
import { OAuthRefusal } from './errors.ts'

/** What an application may ask for; other scopes of the public hub (jobs, inference, billing) name nothing here. */
export const knownScopes = [
  'openid',
  'profile',
  'email',
  'read-repos',
  'write-discussions',
  'write-repos',
  'manage-repos',
] as const
export type OAuthScope = (typeof knownScopes)[number]

/** Who a token belongs to is told with any token, so it is always granted. */
const identityScopes: readonly OAuthScope[] = ['openid', 'profile', 'email']

/** An application asks for a code (RFC 6749 4.1.1, RFC 7636 4.3). */
export interface AuthorizationRequest {
  readonly clientId: string
  /** What a client that has registered itself calls itself. */
  readonly clientName: string | undefined
  readonly redirectUri: string
  readonly state: string | undefined
  /** base64url of SHA-256. */
  readonly codeChallenge: string
  readonly scopes: readonly OAuthScope[]
}

/** What an application says of itself. */
export const registrationShape = z.object({
  client_name: z.string().max(100).optional(),
  redirect_uris: z.array(z.string().max(500)).min(1).max(5),
})
export type Registration = z.infer<typeof registrationShape>

const purpose = 'oauth-client'

/**
 * The id of a client that registers itself (RFC 7591, A.5.2: stateless): what it has said, signed, so that nobody can
 * fill a table. Throws OAuthRefusal.
 */
export function registerClient(signer: Signer, { client_name, redirect_uris }: Registration): string {
  for (const uri of redirect_uris) {
    const url = URL.parse(uri)
    if (url?.protocol === 'https:' || isLoopback(url)) continue
    throw new OAuthRefusal(
      'invalid_redirect_uri',
      `${uri} must begin with https://, or lead to this machine (http://localhost)`,
    )
  }
  const said = Buffer.from(JSON.stringify({ client_name, redirect_uris })).toString('base64url')
  return `${said}.${signer.sign(purpose, said)}`
}

/**
 * To whom the browser may be sent back. A client that has registered gets it at the addresses that it gave; any other id
 * proves nothing and gets it on the user's own machine alone (RFC 8252 7.3). Throws OAuthRefusal: whoever asks must not
 * learn of it by way of that address.
 */
export function readClient(
  signer: Signer,
  query: { client_id?: string | undefined; redirect_uri?: string | undefined },
): Pick<AuthorizationRequest, 'clientId' | 'clientName' | 'redirectUri'> {
  const clientId = need('client_id', query.client_id)
  const redirectUri = need('redirect_uri', query.redirect_uri)
  const [said = '', signature] = clientId.split('.')
  const isRegistered = signature !== undefined && signer.verify(purpose, said, signature)
  if (isRegistered) {
    const { client_name, redirect_uris }: Registration = JSON.parse(
      Buffer.from(said, 'base64url').toString('utf8'),
    )
    if (redirect_uris.includes(redirectUri)) return { clientId, clientName: client_name, redirectUri }
    throw new OAuthRefusal('invalid_request', 'redirect_uri is none of those that this client has registered')
  }
  if (isLoopback(URL.parse(redirectUri))) return { clientId, clientName: undefined, redirectUri }
  throw new OAuthRefusal(
    'invalid_request',
    'a client that has not registered (POST /oauth/register) is answered on http://localhost alone',
  )
}

/** The rest of the request. Throws OAuthRefusal, which is told to the client by redirect (RFC 6749 4.1.2.1). */
export function readDemand(query: {
  response_type?: string | undefined
  code_challenge?: string | undefined
  code_challenge_method?: string | undefined
  scope?: string | undefined
}): Pick<AuthorizationRequest, 'codeChallenge' | 'scopes'> {
  if (query.response_type !== 'code')
    throw new OAuthRefusal('unsupported_response_type', 'response_type must be code')
  if (query.code_challenge_method !== 'S256')
    throw new OAuthRefusal('invalid_request', 'code_challenge_method must be S256: see RFC 7636')
  const codeChallenge = need('code_challenge', query.code_challenge)
  if (!/^[\w-]{43}$/.test(codeChallenge))
    throw new OAuthRefusal('invalid_request', 'code_challenge must be 43 characters of base64url')
  const asked = new Set((query.scope ?? '').split(' '))
  return {
    codeChallenge,
    scopes: knownScopes.filter(scope => identityScopes.includes(scope) || asked.has(scope)),
  }
}

/** What a token with these scopes does in its user's namespace; undefined: it tells who they are, no more. */
export function accessOf(scopes: readonly OAuthScope[]): 'read' | 'discuss' | 'write' | undefined {
  if (scopes.includes('write-repos') || scopes.includes('manage-repos')) return 'write'
  if (scopes.includes('write-discussions')) return 'discuss'
  return scopes.includes('read-repos') ? 'read' : undefined
}

function need(name: string, value: string | undefined): string {
  if (!value) throw new OAuthRefusal('invalid_request', `${name} is missing`)
  return value
}

function isLoopback(url: URL | null): boolean {
  return url?.protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname)
}
