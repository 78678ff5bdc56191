import { CasScopeMissing, CasTokenRefused } from './errors.ts'
import type { BlobParts } from './parts.ts'

/** What a CAS token proves: for this long, its bearer may read, or also write, the content of this holder. */
export interface CasClaims {
  readonly holder: string
  readonly scope: 'read' | 'write'
  /** User id; undefined for somebody who is not signed in and reads what is public. */
  readonly subject: string | undefined
}

export interface CasToken {
  readonly accessToken: string
  /** Seconds since the epoch. */
  readonly exp: number
  /** Path under the hub's origin. */
  readonly casUrl: string
}

/** Clients renew up to a minute before the end, and do not renew after a 401: a request must not outlive its token. */
const lifetimeSeconds = 60 * 60
const purpose = 'cas-token'

export function issueToken(parts: Pick<BlobParts, 'signer' | 'clock'>, claims: CasClaims): CasToken {
  const exp = Math.floor(parts.clock() / 1000) + lifetimeSeconds
  const { holder, scope, subject } = claims
  const payload = Buffer.from(JSON.stringify({ holder, scope, subject, exp })).toString('base64url')
  return { accessToken: `xet_${payload}.${parts.signer.sign(purpose, payload)}`, exp, casUrl: '/cas' }
}

/**
 * The claims of the token in an Authorization header. A write token may read too. Throws CasTokenRefused or
 * CasScopeMissing.
 */
export function admitCas(
  parts: Pick<BlobParts, 'signer' | 'clock'>,
  scope: CasClaims['scope'],
  authorization: string | undefined,
): CasClaims {
  const token = /^bearer +(\S+)$/i.exec(authorization ?? '')?.[1]
  if (token === undefined) throw new CasTokenRefused('missing')
  const [, payload, signature] = /^xet_([\w-]+)\.([\w-]+)$/.exec(token) ?? []
  if (payload === undefined || signature === undefined || !parts.signer.verify(purpose, payload, signature)) {
    throw new CasTokenRefused('forged')
  }
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as CasClaims & { exp: number }
  if (parts.clock() >= claims.exp * 1000) throw new CasTokenRefused('expired')
  if (scope === 'write' && claims.scope !== 'write') throw new CasScopeMissing()
  return { holder: claims.holder, scope: claims.scope, subject: claims.subject }
}
