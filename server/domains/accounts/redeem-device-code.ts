import { newId } from '../../kernel/ids.ts'
import { mintToken } from './access-token.ts'
import { storeToken } from './add-token.ts'
import { hashSecret, mintSecret } from './device-code.ts'
import { OAuthRefusal } from './errors.ts'
import type { AccountParts } from './parts.ts'
import {
  deleteDeviceCode,
  deleteRefreshTokensUsedBefore,
  deviceCodeByHash,
  insertRefreshToken,
  updateDeviceCode,
} from './store-oauth.ts'

/** What huggingface_hub renews a day before its end (`utils/_auth.py`). */
export const accessLifetimeMs = 30 * 24 * 60 * 60_000
/** A program that was not used for so long is let in anew. */
export const refreshIdleMs = 90 * 24 * 60 * 60_000
/** What a network may change about the time between two questions. */
const jitterMs = 500
/** RFC 8628 3.5: by so much the interval grows with each question that comes too soon. */
const slowDownMs = 5_000

export interface IssuedTokens {
  readonly accessToken: string
  readonly refreshToken: string
  readonly expiresInSeconds: number
  readonly role: 'read' | 'write'
}

/**
 * The program asks whether it was let in (RFC 8628 3.4); once it was, and once only, it gets its tokens. Throws
 * OAuthRefusal.
 */
export async function redeemDeviceCode(
  parts: AccountParts,
  { deviceCode, clientId }: { deviceCode: string; clientId: string },
): Promise<IssuedTokens> {
  const now = parts.clock()
  // A refusal is thrown outside: what was noted of the question must stay.
  const outcome = await parts.database.transaction(async tx => {
    const row = await deviceCodeByHash(tx, hashSecret(deviceCode))
    if (!row || row.client_id !== clientId)
      return new OAuthRefusal('invalid_grant', 'this hub gave out no such device code')
    if (row.expires_at <= now) return new OAuthRefusal('expired_token', 'nobody has answered in time')
    if (row.answer === 'denied') return new OAuthRefusal('access_denied', 'the user has said no')
    if (row.answer === 'allowed' && row.user_id && row.role) {
      await deleteDeviceCode(tx, row.hash)
      await deleteRefreshTokensUsedBefore(tx, now - refreshIdleMs)
      const accessToken = mintToken()
      const refreshToken = mintSecret()
      const tokenId = await storeToken(parts, tx, row.user_id, accessToken, {
        name: `hf-login-${new Date(now).toISOString().slice(0, 10)}`,
        role: row.role,
        expiresAt: now + accessLifetimeMs,
      })
      await insertRefreshToken(tx, {
        id: newId(now),
        user_id: row.user_id,
        client_id: clientId,
        hash: hashSecret(refreshToken),
        previous_hash: null,
        token_id: tokenId,
        refreshed_at: now,
      })
      return { accessToken, refreshToken, expiresInSeconds: accessLifetimeMs / 1000, role: row.role }
    }
    const tooSoon = row.last_polled_at !== null && now < row.last_polled_at + row.interval_ms - jitterMs
    const interval_ms = row.interval_ms + (tooSoon ? slowDownMs : 0)
    await updateDeviceCode(tx, row.hash, { last_polled_at: now, interval_ms })
    return tooSoon
      ? new OAuthRefusal('slow_down', `ask every ${interval_ms / 1000} s`)
      : new OAuthRefusal('authorization_pending', 'nobody has answered yet')
  })
  if (outcome instanceof OAuthRefusal) throw outcome
  return outcome
}
