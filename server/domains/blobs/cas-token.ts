import type { DelegatedScope, Delegation } from '../../kernel/delegation.ts'
import { CasScopeMissing, CasTokenRefused } from './errors.ts'
import type { BlobParts } from './parts.ts'

/**
 * What a CAS token proves: for this long, its bearer may read, or also write, the content of this holder, as long as
 * whoever asked for it may.
 */
export interface CasClaims extends Delegation {
  readonly scope: DelegatedScope
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
/** The number tells these claims from others that the hub has signed before. */
const purpose = 'cas-token 2'

export function issueToken(parts: Pick<BlobParts, 'signer' | 'clock'>, claims: CasClaims): CasToken {
  const exp = Math.floor(parts.clock() / 1000) + lifetimeSeconds
  const { repo, holder, by, scope, subject } = claims
  const payload = Buffer.from(JSON.stringify({ repo, holder, by, scope, subject, exp })).toString('base64url')
  return { accessToken: `xet_${payload}.${parts.signer.sign(purpose, payload)}`, exp, casUrl: '/cas' }
}

/**
 * The claims of the token in an Authorization header. A write token may read too. Throws CasTokenRefused or
 * CasScopeMissing.
 */
export async function admitCas(
  parts: Pick<BlobParts, 'signer' | 'clock' | 'stillHolds'>,
  scope: DelegatedScope,
  authorization: string | undefined,
): Promise<CasClaims> {
  const token = /^bearer +(\S+)$/i.exec(authorization ?? '')?.[1]
  if (token === undefined) throw new CasTokenRefused('missing')
  const [, payload, signature] = /^xet_([\w-]+)\.([\w-]+)$/.exec(token) ?? []
  if (payload === undefined || signature === undefined || !parts.signer.verify(purpose, payload, signature)) {
    throw new CasTokenRefused('forged')
  }
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as CasClaims & { exp: number }
  if (parts.clock() >= claims.exp * 1000) throw new CasTokenRefused('expired')
  if (scope === 'write' && claims.scope !== 'write') throw new CasScopeMissing()
  if (!(await parts.stillHolds(claims, claims.scope))) throw new CasTokenRefused('ended')
  return claims
}
