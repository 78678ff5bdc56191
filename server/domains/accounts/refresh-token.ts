import { mintToken } from './access-token.ts'
import { storeToken } from './add-token.ts'
import { hashSecret, mintSecret } from './device-code.ts'
import { OAuthRefusal } from './errors.ts'
import type { AccountParts } from './parts.ts'
import { accessLifetimeMs, type IssuedTokens, refreshIdleMs } from './redeem-device-code.ts'
import { identityById, revokeToken, tokenById } from './store.ts'
import { deleteRefreshToken, endTokenAt, refreshTokenByHash, updateRefreshToken } from './store-oauth.ts'

/** A program whose answer was lost may ask with the same refresh token again, so long. */
const retryMs = 10 * 60_000
/** Other processes hold the old access token, perhaps in the midst of an upload. */
const overlapMs = 24 * 60 * 60_000

/**
 * A new access token and a new refresh token for the old one (RFC 6749 6). A refresh token that comes again after it was
 * replaced is in two hands: both lose what came of it (RFC 9700 4.14.2). Whoever revokes the access token ends its
 * renewal too. Throws OAuthRefusal.
 */
export async function refreshToken(
  parts: AccountParts,
  { refreshToken: given, clientId }: { refreshToken: string; clientId: string },
): Promise<IssuedTokens> {
  const now = parts.clock()
  const hash = hashSecret(given)
  const outcome = await parts.database.transaction(async tx => {
    const row = await refreshTokenByHash(tx, hash)
    if (!row || row.client_id !== clientId) return undefined
    const token = await tokenById(tx, row.user_id, row.token_id)
    const isStolen = row.hash !== hash && now > row.refreshed_at + retryMs
    const isGone = !token || now > row.refreshed_at + refreshIdleMs || !(await identityById(tx, row.user_id))
    if (isStolen || isGone || token.role === 'fine-grained') {
      if (isStolen) await revokeToken(tx, row.token_id, now)
      await deleteRefreshToken(tx, row.id)
      return undefined
    }
    const accessToken = mintToken()
    const next = mintSecret()
    const tokenId = await storeToken(parts, tx, row.user_id, accessToken, {
      name: token.name,
      role: token.role,
      expiresAt: now + accessLifetimeMs,
    })
    await endTokenAt(tx, row.token_id, now + overlapMs)
    await updateRefreshToken(tx, row.id, {
      hash: hashSecret(next),
      previous_hash: hash,
      token_id: tokenId,
      refreshed_at: now,
    })
    return { accessToken, refreshToken: next, expiresInSeconds: accessLifetimeMs / 1000, role: token.role }
  })
  if (!outcome)
    throw new OAuthRefusal('invalid_grant', 'this refresh token is not good any more; sign in again')
  return outcome
}
