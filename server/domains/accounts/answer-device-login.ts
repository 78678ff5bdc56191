import type { User } from '../../kernel/actor.ts'
import { hashSecret, readUserCode } from './device-code.ts'
import type { AccountParts } from './parts.ts'
import { type DeviceCode, deviceCodeByUserCode, updateDeviceCode } from './store-oauth.ts'

export interface WaitingProgram {
  readonly userCode: string
  readonly clientId: string
  readonly userAgent: string
  readonly askedAt: number
}

/**
 * The program that waits with that code, undefined when there is none (any more). Wrong codes are counted against the
 * user: whoever tries them all wants to be what somebody else's program signs in as. Throws TooManyAttempts.
 */
export async function findWaitingProgram(
  parts: AccountParts,
  user: User,
  typed: string,
): Promise<WaitingProgram | undefined> {
  const code = readUserCode(typed)
  const row = code && (await findWaiting(parts, user, code))
  if (!row) return undefined
  return {
    userCode: code,
    clientId: row.client_id,
    userAgent: row.user_agent,
    askedAt: row.created_at,
  }
}

/** False when no program waits with that code. Throws TooManyAttempts. */
export async function answerDeviceLogin(
  parts: AccountParts,
  user: User,
  typed: string,
  answer: 'denied' | { role: 'read' | 'write' },
): Promise<boolean> {
  const code = readUserCode(typed)
  const row = code && (await findWaiting(parts, user, code))
  if (!row) return false
  const change =
    answer === 'denied' ? ({ answer } as const) : ({ answer: 'allowed', role: answer.role } as const)
  await updateDeviceCode(parts.database.sql, row.hash, { ...change, user_id: user.id })
  return true
}

async function findWaiting(
  { database, clock, userCodes }: AccountParts,
  user: User,
  code: string,
): Promise<DeviceCode | undefined> {
  const failures = userCodes.of(user.id, 'too many wrong codes')
  failures.count++
  const row = await deviceCodeByUserCode(database.sql, hashSecret(code))
  if (!row || row.answer !== null || row.expires_at <= clock()) return undefined
  failures.count--
  return row
}
