/** What people do beside their files: likes, followers, collections; and what is known of accounts. */
import type { Route } from '../../http/route.ts'
import type { Projection } from '../../ports/queue.ts'
import type { CommunityParts } from './parts.ts'
import { collectionRoutes } from './routes-collections.ts'
import { peopleRoutes } from './routes-people.ts'
import { deleteItemEverywhere } from './store-items.ts'
import { deleteLikesOf, setLikesPublic } from './store-likes.ts'

export * from './errors.ts'
export { communityMigrations } from './migrations/index.ts'

export interface Community {
  readonly routes: readonly Route[]
  readonly projections: readonly Projection[]
}

/** A repository that is gone is liked by nobody and in no collection; one that is hidden is in nobody's list of likes. */
const projections: readonly Projection[] = [
  { on: 'repo-saved', apply: (tx, { repo }) => setLikesPublic(tx, repo.id, !repo.isPrivate) },
  {
    on: 'repo-deleted',
    async apply(tx, { repoId }) {
      await deleteLikesOf(tx, repoId)
      await deleteItemEverywhere(tx, repoId)
    },
  },
] satisfies [Projection<'repo-saved'>, Projection<'repo-deleted'>] as never

export function createCommunity(parts: CommunityParts): Community {
  return { routes: [...peopleRoutes(parts), ...collectionRoutes(parts)], projections }
}
