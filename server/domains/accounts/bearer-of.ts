import { type Actor, anonymous } from '../../kernel/actor.ts'
import { parseCredentialName } from '../../kernel/delegation.ts'
import { credentialOf, toUser } from './identify.ts'
import type { AccountParts } from './parts.ts'
import { isOver } from './session-life.ts'
import { identityById, identityByTokenId, identityTables } from './store.ts'
import { identityBySessionId, sessionTables } from './store-sessions.ts'

/**
 * Who shows the credential of this name (`kernel/delegation.ts`) at this moment: as `identify` says it, for whoever has
 * been given a key for it. Undefined when it was revoked or is over, or its user is gone.
 */
export function createBearerOf({ database, clock }: Pick<AccountParts, 'database' | 'clock'>) {
  const byToken = database.remember({
    tables: identityTables,
    max: 10_000,
    load: id => identityByTokenId(database.sql, id),
  })
  const bySession = database.remember({
    tables: sessionTables,
    max: 10_000,
    load: id => identityBySessionId(database.sql, id),
  })
  const byUser = database.remember({
    tables: ['accounts', 'memberships'],
    max: 10_000,
    load: id => identityById(database.sql, id),
  })
  return async (name: string): Promise<Actor | undefined> => {
    const shown = parseCredentialName(name)
    if (!shown) return undefined
    if (shown.kind === 'anyone') return anonymous
    if (shown.kind === 'token') {
      const found = await byToken(shown.id)
      const isGood = found && (found.expiresAt === null || clock() < found.expiresAt)
      return isGood ? toUser(found, credentialOf(found)) : undefined
    }
    if (shown.kind === 'session') {
      const found = await bySession(shown.id)
      const isGood = found && !isOver(found, clock())
      return isGood ? toUser(found, { kind: 'session', id: shown.id }) : undefined
    }
    const found = await byUser(shown.id)
    return found && toUser(found, { kind: 'password' })
  }
}
