import type { Repository } from '../../kernel/repository.ts'
import { AccountNotFound } from '../accounts/index.ts'
import { AccessRequestNotFound, AlreadyDecided, NotGated } from './errors.ts'
import type { GateParts } from './parts.ts'
import { decide, requestById, requestOf } from './store.ts'
import type { RequestStatus } from './tables.ts'

/** Whose request: the name of the user, or the id of the request. */
export type Whose = { readonly user: string } | { readonly requestId: string }

/**
 * An owner accepts or rejects a request, or puts it back to `pending`. Throws NotGated, AccountNotFound,
 * AccessRequestNotFound, or AlreadyDecided when nothing would change.
 */
export async function decideRequest(
  parts: Pick<GateParts, 'database' | 'clock' | 'accounts'>,
  repo: Repository,
  whose: Whose,
  status: RequestStatus,
  reason: string | undefined,
): Promise<void> {
  if (!repo.gated) throw new NotGated(repo)
  const request =
    'user' in whose
      ? await requestOf(parts.database.sql, repo.id, await userIdOf(parts, whose.user))
      : await requestById(parts.database.sql, repo.id, whose.requestId)
  if (!request) throw new AccessRequestNotFound(repo)
  const rejection = status === 'rejected' ? (reason ?? null) : null
  const isDone = await parts.database.transaction(tx =>
    decide(tx, request.id, status, rejection, parts.clock()),
  )
  if (!isDone) throw new AlreadyDecided(status)
}

/** Throws AccountNotFound; an organisation has no requests. */
export async function userIdOf({ accounts }: Pick<GateParts, 'accounts'>, name: string): Promise<string> {
  const account = await accounts.findAccount(name)
  if (account?.kind !== 'user') throw new AccountNotFound('user', name)
  return account.id
}
