import { type Actor, anonymous } from '../../kernel/actor.ts'
import type { Sql } from '../../ports/database.ts'
import { identityById } from './store.ts'

/** The user as an actor with all that the user may do; anonymous for nobody, and for a user who is gone. */
export async function actorOf(sql: Sql, userId: string | undefined): Promise<Actor> {
  const identity = userId === undefined ? undefined : await identityById(sql, userId)
  return identity ? { kind: 'user', ...identity, credential: { kind: 'password' } } : anonymous
}
