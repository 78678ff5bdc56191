import type { User } from '../../kernel/actor.ts'
import type { Repository } from '../../kernel/repository.ts'
import type { CommunityParts } from './parts.ts'
import { deleteLike, insertLike } from './store-likes.ts'

/** Does nothing when the user likes it already. */
export async function likeRepo(
  { database, clock, emit }: Pick<CommunityParts, 'database' | 'clock' | 'emit'>,
  user: User,
  repo: Repository,
): Promise<void> {
  await database.transaction(async tx => {
    const like = {
      user_id: user.id,
      repo_id: repo.id,
      is_public: repo.isPrivate ? 0 : 1,
      created_at: clock(),
    }
    if (await insertLike(tx, like)) await emit(tx, 'repo-liked', { repoId: repo.id, change: 1 })
  })
}

/** Does nothing when the user does not like it. */
export async function unlikeRepo(
  { database, emit }: Pick<CommunityParts, 'database' | 'emit'>,
  user: User,
  repo: Repository,
): Promise<void> {
  await database.transaction(async tx => {
    if (await deleteLike(tx, user.id, repo.id)) {
      await emit(tx, 'repo-liked', { repoId: repo.id, change: -1 })
    }
  })
}
