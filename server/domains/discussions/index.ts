/** What people say to each other about a repository: discussions, pull requests, the images in them. */
import type { Route } from '../../http/route.ts'
import type { Repository } from '../../kernel/repository.ts'
import type { Projection } from '../../ports/queue.ts'
import type { PullRequests } from '../repos/index.ts'
import { closeByHub } from './close-by-hub.ts'
import { collectImages } from './images.ts'
import { openByHub } from './open-discussion.ts'
import type { DiscussionParts } from './parts.ts'
import { pullRequestsFor } from './pull-requests.ts'
import { discussionRoutes } from './routes.ts'
import { imageRoutes } from './routes-images.ts'
import { type Board, removeRepo, saveBoard } from './store.ts'
import { type DiscussionSummary, summarizeDiscussion } from './summarize-discussion.ts'

export * from './errors.ts'
export { discussionMigrations } from './migrations/index.ts'

export interface Discussions {
  /** For commits and pushes. */
  readonly pullRequests: PullRequests
  /**
   * The hub itself has something to say. Opens one discussion for each `subject`, however often it is called; its number,
   * or undefined where the owner wants none. Title and description are held to the limits of everybody's.
   */
  openByHub(
    repo: Repository,
    wanted: { subject: string; title: string; description: string },
  ): Promise<number | undefined>
  /** Closes what `openByHub` has opened about subjects that begin with `prefix`, but for `subjects`, with a comment that says why. */
  closeByHub(repo: Repository, prefix: string, subjects: readonly string[], comment: string): Promise<void>
  /** Closes the repository to new ones of everybody, or of the hub, or opens it again. */
  configure(repo: Repository, board: Partial<Board>): Promise<void>
  /** For webhooks. Undefined when there is none of that number. */
  summarize(repo: Repository, number: number): Promise<DiscussionSummary | undefined>
  /** Removes images that no comment has shown for the grace period. */
  collect(options: { dryRun: boolean; graceMs: number }): Promise<{ objects: number; bytes: number }>
  readonly routes: readonly Route[]
  readonly projections: readonly Projection[]
}

export function createDiscussions(parts: DiscussionParts): Discussions {
  const forget: Projection<'repo-deleted'> = {
    on: 'repo-deleted',
    apply: (tx, { repoId }) => removeRepo(tx, repoId),
  }
  return {
    pullRequests: pullRequestsFor(parts),
    openByHub: (repo, wanted) => openByHub(parts, repo, wanted),
    closeByHub: (...asked) => closeByHub(parts, ...asked),
    configure: (repo, board) => parts.database.transaction(tx => saveBoard(tx, repo.id, board)),
    summarize: (repo, number) => summarizeDiscussion(parts, repo, number),
    collect: options => collectImages(parts, options),
    routes: [...discussionRoutes(parts), ...imageRoutes(parts)],
    projections: [forget as Projection],
  }
}
