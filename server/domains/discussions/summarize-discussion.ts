import type { Repository } from '../../kernel/repository.ts'
import type { DiscussionParts } from './parts.ts'
import { eventsOf, findDiscussion } from './store.ts'
import type { DiscussionStatus } from './tables.ts'

/** What somebody outside is told of a discussion that has changed. */
export interface DiscussionSummary {
  readonly id: string
  readonly number: number
  readonly title: string
  readonly status: DiscussionStatus
  readonly isPullRequest: boolean
  readonly authorId: string
  /** The newest one. */
  readonly comment?: {
    readonly id: string
    readonly authorId: string
    readonly content: string
    readonly hidden: boolean
  }
}

/** Whose words are the hub's own. */
const hubId = 'hub'

/** Undefined when there is none of that number (any more). */
export async function summarizeDiscussion(
  { database }: Pick<DiscussionParts, 'database'>,
  repo: Repository,
  number: number,
): Promise<DiscussionSummary | undefined> {
  const found = await findDiscussion(database.sql, repo.id, number)
  if (!found) return undefined
  const { title, status, isPullRequest, authorId } = found
  const events = await eventsOf(database.sql, repo.id, number)
  const comment = events.findLast(event => event.data.type === 'comment')
  return {
    id: `${repo.id}-${number}`,
    number,
    title,
    status,
    isPullRequest,
    authorId: authorId ?? hubId,
    ...(comment?.data.type === 'comment' && {
      comment: {
        id: comment.id,
        authorId: comment.authorId ?? hubId,
        content: comment.data.raw,
        hidden: comment.data.isHidden,
      },
    }),
  }
}
