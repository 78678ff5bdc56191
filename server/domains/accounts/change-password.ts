import { uniqueNameKey } from '../../formats/repo-name.ts'
import type { User } from '../../kernel/actor.ts'
import { WrongPassword } from './errors.ts'
import type { AccountParts } from './parts.ts'
import { checkPassword } from './password.ts'
import { identityByName, updatePassword } from './store.ts'
import { deleteSessionsOf } from './store-sessions.ts'

/**
 * A new password for whoever knows the old one. Every other browser is signed out; access tokens, which are not made of
 * the password, stay. Throws MalformedInput, WrongPassword, TooManyAttempts.
 */
export async function changePassword(
  { database, logins }: AccountParts,
  user: User,
  { current, wanted }: { current: string; wanted: string },
): Promise<void> {
  checkPassword(wanted)
  const foldedName = uniqueNameKey(user.name)
  const found = await identityByName(database.sql, foldedName)
  if (!(await logins.check(foldedName, current, found?.passwordHash))) throw new WrongPassword()
  const passwordHash = await logins.hash(wanted)
  await database.transaction(async tx => {
    await updatePassword(tx, user.id, passwordHash)
    await deleteSessionsOf(tx, user.id, user.credential.kind === 'session' ? user.credential.id : undefined)
  })
}
