import { uniqueNameKey } from '../../formats/repo-name.ts'
import { newId } from '../../kernel/ids.ts'
import { WrongPassword } from './errors.ts'
import type { AccountParts } from './parts.ts'
import { hashSessionKey, mintSessionKey } from './session-cookie.ts'
import { sessionIdleMs } from './session-life.ts'
import { identityByName } from './store.ts'
import { deleteSessionsUsedBefore, insertSession } from './store-sessions.ts'

/** A new browser session for whoever knows the password. Throws WrongPassword, TooManyAttempts. */
export async function beginSession(
  { database, clock, logins }: AccountParts,
  { name, password, userAgent }: { name: string; password: string; userAgent: string },
): Promise<{ user: string; key: string }> {
  const foldedName = uniqueNameKey(name)
  const found = await identityByName(database.sql, foldedName)
  const isRight = await logins.check(foldedName, password, found?.passwordHash)
  if (!found || !isRight) throw new WrongPassword()

  const now = clock()
  const key = mintSessionKey()
  await database.transaction(async tx => {
    await deleteSessionsUsedBefore(tx, now - sessionIdleMs)
    await insertSession(tx, {
      id: newId(now),
      user_id: found.identity.id,
      hash: hashSessionKey(key),
      user_agent: readable(userAgent),
      created_at: now,
      last_used_at: now,
    })
  })
  return { user: found.identity.name, key }
}

/** The caller's text, for a list that people read. */
export function readable(userAgent: string): string {
  return userAgent.replace(/[^\x20-\x7e]/g, '?').slice(0, 200)
}
