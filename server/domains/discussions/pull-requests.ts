import type { Actor, User } from '../../kernel/actor.ts'
import { LimitExceeded } from '../../kernel/errors.ts'
import type { Repository } from '../../kernel/repository.ts'
import type { Sql } from '../../ports/database.ts'
import {
  type Brought,
  type NewPullRequest,
  type PullRequests,
  pullRequestRef,
  RevisionNotFound,
} from '../repos/index.ts'
import { addEvent, demandAuthorOrWriter } from './change-discussion.ts'
import { WrongStatus } from './errors.ts'
import { broughtByAllLimit, broughtByOneLimit, readDescription, titleOfCommit } from './limits.ts'
import { demandOpening, insertOpened } from './open-discussion.ts'
import type { DiscussionParts } from './parts.ts'
import { addBrought, broughtTo, type Discussion, findDiscussion, lockDiscussion } from './store.ts'

/** What repositories ask of pull requests. */
export function pullRequestsFor(parts: DiscussionParts): PullRequests {
  return {
    admit: (actor, repo, number) => admit(parts, actor, repo, number),
    open: (tx, author, repo, wanted) => open(parts, tx, author, repo, wanted),
    committed: (tx, actor, repo, number, brought) => committed(parts, tx, actor, repo, number, brought),
  }
}

async function admit(
  parts: DiscussionParts,
  actor: Actor,
  repo: Repository,
  number: number | 'new',
): Promise<{ room: number }> {
  if (number === 'new') await demandOpening(parts, actor, repo)
  else demandOpen(parts, actor, repo, number, await findDiscussion(parts.database.sql, repo.id, number))
  return { room: await roomFor(parts, parts.database.sql, actor, repo) }
}

/** How many more bytes somebody may bring: readers bring no more than they, and all of them, may. */
async function roomFor(
  parts: Pick<DiscussionParts, 'policy'>,
  sql: Sql,
  actor: Actor,
  repo: Repository,
): Promise<number> {
  if (actor.kind === 'anonymous') return 0
  if (parts.policy.can(actor, 'repo:write', { repo }).allowed) return Number.POSITIVE_INFINITY
  const { byOne, byAll } = await broughtTo(sql, repo.id, actor.id)
  return Math.max(0, Math.min(broughtByOneLimit - byOne, broughtByAllLimit - byAll))
}

async function open(
  parts: DiscussionParts,
  tx: Sql,
  author: User,
  repo: Repository,
  { title, description, base }: NewPullRequest,
): Promise<number> {
  return await insertOpened(parts, tx, author, repo, {
    title: titleOfCommit(title),
    description: readDescription(description),
    status: 'open',
    base,
  })
}

async function committed(
  parts: DiscussionParts,
  tx: Sql,
  actor: User,
  repo: Repository,
  number: number,
  { commits, bytes }: Brought,
): Promise<void> {
  const discussion = await lockDiscussion(tx, repo.id, number, parts.clock())
  demandOpen(parts, actor, repo, number, discussion)
  if (!parts.policy.can(actor, 'repo:write', { repo }).allowed) {
    const room = await roomFor(parts, tx, actor, repo)
    if (bytes > room)
      throw new LimitExceeded('what you may still bring to this repository', room, 'bytes', bytes)
    await addBrought(tx, repo.id, number, bytes)
  }
  const place = { repoId: repo.id, number }
  for (const { oid, subject } of commits) {
    await addEvent(parts, tx, place, actor.id, { type: 'commit', oid, subject })
  }
  await parts.emit(tx, 'discussion-changed', { ...place, change: 'committed', byUserId: actor.id })
}

/** Its author and writers may commit to it, while it is open. */
function demandOpen(
  parts: Pick<DiscussionParts, 'policy'>,
  actor: Actor,
  repo: Repository,
  number: number,
  discussion: Discussion | undefined,
): void {
  if (!discussion?.isPullRequest) throw new RevisionNotFound(pullRequestRef(number))
  parts.policy.demand(actor, 'repo:discuss', { repo })
  demandAuthorOrWriter(parts, actor, repo, discussion.authorId, 'commit to it')
  if (discussion.status === 'draft' || discussion.status === 'open') return
  throw new WrongStatus(number, discussion.status, 'it takes no more commits')
}
