import type { Actor, User } from '../../kernel/actor.ts'
import { LimitExceeded } from '../../kernel/errors.ts'
import { defaultBranch, type Repository } from '../../kernel/repository.ts'
import type { Sql } from '../../ports/database.ts'
import { addEvent, newComment } from './change-discussion.ts'
import { DiscussionsClosed } from './errors.ts'
import { openLimit, readDescription, readTitle } from './limits.ts'
import type { DiscussionParts } from './parts.ts'
import { boardOf, countOpen, insertDiscussion, numberAbout, takeNumber } from './store.ts'
import type { DiscussionStatus } from './tables.ts'

/** Opens a discussion, or a draft of a pull request into the default branch that has no commits yet. Returns its number. */
export async function openDiscussion(
  parts: DiscussionParts,
  author: User,
  repo: Repository,
  wanted: { title: string; description: string; isPullRequest: boolean },
): Promise<number> {
  await demandOpening(parts, author, repo)
  const title = readTitle(wanted.title)
  const description = readDescription(wanted.description)
  const base = `refs/heads/${defaultBranch}`
  const start = wanted.isPullRequest ? await parts.repos.resolve(repo, base) : undefined
  return await parts.database.transaction(async tx => {
    await parts.repos.touch(tx, repo)
    const opened = {
      title,
      description,
      status: start ? 'draft' : 'open',
      base: start ? base : null,
    } as const
    const number = await insertOpened(parts, tx, author, repo, opened)
    if (start !== undefined) await parts.repos.addPullRequestRef(tx, repo, number, start)
    return number
  })
}

/** Throws DiscussionsClosed, and LimitExceeded for a reader who has too many open ones. */
export async function demandOpening(
  parts: Pick<DiscussionParts, 'database' | 'policy'>,
  actor: Actor,
  repo: Repository,
): Promise<void> {
  parts.policy.demand(actor, 'repo:discuss', { repo })
  if ((await boardOf(parts.database.sql, repo.id)).isClosed) throw new DiscussionsClosed()
  if (actor.kind === 'anonymous' || parts.policy.can(actor, 'repo:write', { repo }).allowed) return
  const open = await countOpen(parts.database.sql, repo.id, actor.id)
  if (open >= openLimit) throw new LimitExceeded('what you have open here', openLimit, 'discussions', open)
}

interface Opened {
  readonly title: string
  readonly description: string
  readonly status: DiscussionStatus
  readonly base: string | null
}

/** Its rows and its first comment. Throws DiscussionsClosed. */
export async function insertOpened(
  parts: Pick<DiscussionParts, 'clock' | 'emit'>,
  tx: Sql,
  author: User,
  repo: Repository,
  { description, ...opened }: Opened,
): Promise<number> {
  const { number, isClosed } = await takeNumber(tx, repo.id)
  if (isClosed) throw new DiscussionsClosed()
  const place = { repoId: repo.id, number }
  await insertDiscussion(tx, { ...place, ...opened, authorId: author.id, hubSubject: null }, parts.clock())
  await addEvent(parts, tx, place, author.id, newComment(description))
  await parts.emit(tx, 'discussion-changed', { ...place, change: 'opened', byUserId: author.id })
  return number
}

/**
 * The hub itself has something to tell the owner. Once for each `subject`, so that a job may run again: then the number is
 * that of the first time. Undefined where the owner wants none of that.
 */
export async function openByHub(
  parts: Pick<DiscussionParts, 'database' | 'clock' | 'emit' | 'repos'>,
  repo: Repository,
  wanted: { subject: string; title: string; description: string },
): Promise<number | undefined> {
  const title = readTitle(wanted.title)
  const description = readDescription(wanted.description)
  const { isClosed, isClosedToHub } = await boardOf(parts.database.sql, repo.id)
  if (isClosed || isClosedToHub) return undefined
  return await parts.database.transaction(async tx => {
    await parts.repos.touch(tx, repo)
    const known = await numberAbout(tx, repo.id, wanted.subject)
    if (known !== undefined) return known
    const { number } = await takeNumber(tx, repo.id)
    const place = { repoId: repo.id, number }
    const opened = { title, status: 'open', base: null, authorId: null, hubSubject: wanted.subject } as const
    await insertDiscussion(tx, { ...place, ...opened }, parts.clock())
    await addEvent(parts, tx, place, null, newComment(description))
    await parts.emit(tx, 'discussion-changed', { ...place, change: 'opened' })
    return number
  })
}
