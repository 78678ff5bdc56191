import { createHash } from 'node:crypto'
import type { User } from '../../kernel/actor.ts'
import { mintToken } from './access-token.ts'
import { storeToken } from './add-token.ts'
import { type AuthorizationRequest, accessOf, type OAuthScope } from './authorization-request.ts'
import { hashSecret, mintSecret } from './device-code.ts'
import { OAuthRefusal } from './errors.ts'
import type { AccountParts } from './parts.ts'
import {
  authorizationCodeByHash,
  deleteAuthorizationCode,
  deleteAuthorizationCodesEndedBefore,
  insertAuthorizationCode,
} from './store-oauth.ts'

/** An application fetches its token as soon as the browser is back. */
const codeLifetimeMs = 5 * 60_000
/** As on the public hub: a page in a browser has no place to keep a refresh token, and asks again. */
const accessLifetimeMs = 8 * 60 * 60_000

/** The user lets the application in: a code that it can exchange once. */
export async function grantCode(
  { database, clock }: AccountParts,
  user: User,
  request: AuthorizationRequest,
): Promise<string> {
  const now = clock()
  const code = mintSecret()
  await database.transaction(async tx => {
    await deleteAuthorizationCodesEndedBefore(tx, now)
    await insertAuthorizationCode(tx, {
      hash: hashSecret(code),
      user_id: user.id,
      client_id: request.clientId,
      redirect_uri: request.redirectUri,
      code_challenge: request.codeChallenge,
      scope: request.scopes.join(' '),
      expires_at: now + codeLifetimeMs,
    })
  })
  return code
}

/**
 * The application, back from the browser, shows the code and the secret whose hash it had sent before (RFC 7636 4.5).
 * `client_id` may be missing: @huggingface/hub `oauth-handle-redirect.ts` leaves it out. Throws OAuthRefusal.
 */
export async function redeemCode(
  parts: AccountParts,
  given: {
    readonly code: string
    readonly codeVerifier: string
    readonly redirectUri: string
    readonly clientId: string | undefined
  },
): Promise<{ accessToken: string; expiresInSeconds: number; scope: string }> {
  const now = parts.clock()
  const issued = await parts.database.transaction(async tx => {
    const row = await authorizationCodeByHash(tx, hashSecret(given.code))
    if (!row) return undefined
    // Whoever shows it and cannot prove that it was theirs has taken it from somebody.
    await deleteAuthorizationCode(tx, row.hash)
    const challenge = createHash('sha256').update(given.codeVerifier).digest('base64url')
    const isTheirs =
      row.code_challenge === challenge &&
      row.redirect_uri === given.redirectUri &&
      (given.clientId === undefined || row.client_id === given.clientId)
    if (!isTheirs || row.expires_at <= now) return undefined
    const accessToken = mintToken()
    const access = accessOf(row.scope.split(' ') as OAuthScope[])
    await storeToken(parts, tx, row.user_id, accessToken, {
      name: `oauth-${new URL(row.redirect_uri).host}-${new Date(now).toISOString().slice(0, 10)}`.slice(-100),
      role: 'fine-grained',
      scopes: access ? [{ target: { kind: 'account', id: row.user_id }, access }] : [],
      expiresAt: now + accessLifetimeMs,
    })
    return { accessToken, expiresInSeconds: accessLifetimeMs / 1000, scope: row.scope }
  })
  if (!issued)
    throw new OAuthRefusal(
      'invalid_grant',
      'this code is not good: used before, too old, or given to another client, redirect_uri or code_verifier',
    )
  return issued
}
