import { newId } from '../../kernel/ids.ts'
import type { Repository } from '../../kernel/repository.ts'
import { userIdOf } from './decide-request.ts'
import { AccessHeld, NotGated } from './errors.ts'
import type { GateParts } from './parts.ts'
import { decide, insertRequest, requestOf } from './store.ts'

/** Lets a user in who need not have asked. Throws NotGated, AccountNotFound, or AccessHeld. */
export async function grantAccess(
  parts: Pick<GateParts, 'database' | 'clock' | 'accounts'>,
  repo: Repository,
  userName: string,
): Promise<void> {
  if (!repo.gated) throw new NotGated(repo)
  const userId = await userIdOf(parts, userName)
  const now = parts.clock()
  await parts.database.transaction(async tx => {
    const isNew = await insertRequest(tx, {
      id: newId(now),
      repo_id: repo.id,
      user_id: userId,
      status: 'accepted',
      fields: null,
      is_by_hand: 1,
      rejection_reason: null,
      created_at: now,
      decided_at: now,
    })
    if (isNew) return
    const before = await requestOf(tx, repo.id, userId)
    if (!before || !(await decide(tx, before.id, 'accepted', null, now))) throw new AccessHeld(repo, userName)
  })
}
