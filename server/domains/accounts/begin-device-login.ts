import { readable } from './begin-session.ts'
import { hashSecret, mintSecret, mintUserCode } from './device-code.ts'
import { OAuthRefusal, TooManyAttempts } from './errors.ts'
import type { AccountParts } from './parts.ts'
import { countDeviceCodes, deleteDeviceCodesEndedBefore, insertDeviceCode } from './store-oauth.ts'

/** How long a program may wait for somebody to let it in. */
const lifetimeMs = 15 * 60_000
/** So much later it is still told that its time is over, not that it was never there. */
const rememberedMs = 60 * 60_000
const intervalMs = 2_000
const waitingLimit = 10_000

export interface DeviceLogin {
  readonly deviceCode: string
  readonly userCode: string
  readonly expiresInSeconds: number
  readonly intervalSeconds: number
}

/**
 * A program wants to be let in by somebody with a browser (RFC 8628 3.1). Any client id is welcome, since there is no
 * secret behind it that would prove anything; it is shown to whoever decides. Throws OAuthRefusal, TooManyAttempts.
 */
export async function beginDeviceLogin(
  { database, clock }: AccountParts,
  { clientId, userAgent }: { clientId: string | undefined; userAgent: string },
): Promise<DeviceLogin> {
  if (!clientId) throw new OAuthRefusal('invalid_request', 'client_id is missing')
  const now = clock()
  const deviceCode = mintSecret()
  const userCode = mintUserCode()
  await database.transaction(async tx => {
    await deleteDeviceCodesEndedBefore(tx, now - rememberedMs)
    if ((await countDeviceCodes(tx)) >= waitingLimit)
      throw new TooManyAttempts('too many programs wait to be let in', lifetimeMs)
    await insertDeviceCode(tx, {
      hash: hashSecret(deviceCode),
      user_code_hash: hashSecret(userCode),
      client_id: clientId,
      user_agent: readable(userAgent),
      created_at: now,
      expires_at: now + lifetimeMs,
      interval_ms: intervalMs,
      last_polled_at: null,
      user_id: null,
      role: null,
      answer: null,
    })
  })
  return { deviceCode, userCode, expiresInSeconds: lifetimeMs / 1000, intervalSeconds: intervalMs / 1000 }
}
