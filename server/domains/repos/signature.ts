import type { Identity } from '../../formats/git-object.ts'
import type { User } from '../../kernel/actor.ts'

/** Who a commit made through the API is by. No real address: history is public and for ever. */
export function signatureOf(actor: User, now: number): Identity {
  return { name: actor.name, email: `${actor.name}@users.noreply.banyan`, time: now, offsetMinutes: 0 }
}
