import type { User } from '../../kernel/actor.ts'
import type { Repository } from '../../kernel/repository.ts'
import { AccessRequestNotFound, OwnersHaveDecided } from './errors.ts'
import type { GateParts } from './parts.ts'
import { deleteRequest, requestOf } from './store.ts'

/**
 * Takes the own request back, and access with it. What the owners have rejected or put off stays: else asking again at
 * an `auto` gate would undo it. Throws AccessRequestNotFound or OwnersHaveDecided.
 */
export async function withdrawRequest(
  { database }: Pick<GateParts, 'database'>,
  user: User,
  repo: Repository,
): Promise<void> {
  await database.transaction(async tx => {
    const request = await requestOf(tx, repo.id, user.id)
    if (!request) throw new AccessRequestNotFound(repo)
    if (await deleteRequest(tx, request.id)) return
    throw new OwnersHaveDecided(repo, request.status, request.rejection_reason)
  })
}
