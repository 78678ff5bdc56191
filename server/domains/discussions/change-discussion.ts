import type { Actor, User } from '../../kernel/actor.ts'
import { LimitExceeded } from '../../kernel/errors.ts'
import type { DiscussionChange } from '../../kernel/events.ts'
import { newId } from '../../kernel/ids.ts'
import { type Repository, repoId } from '../../kernel/repository.ts'
import type { Sql } from '../../ports/database.ts'
import { Forbidden } from '../policy/index.ts'
import { DiscussionNotFound } from './errors.ts'
import { discussionTextLimit, eventLimit } from './limits.ts'
import type { DiscussionParts } from './parts.ts'
import { countEvent, type Discussion, type DiscussionEvent, insertEvent, lockDiscussion } from './store.ts'
import { useImages } from './store-images.ts'
import type { CommentData, EventData } from './tables.ts'

/** A discussion, as a path names it. */
export interface Place {
  readonly repo: Repository
  readonly number: number
}

type Parts = Pick<DiscussionParts, 'database' | 'clock' | 'emit'>

/**
 * Changes a discussion in one transaction, in which nobody else changes it, and tells of it. Throws DiscussionNotFound,
 * and what `work` throws.
 */
export async function changeDiscussion<T>(
  parts: Parts,
  { repo, number }: Place,
  actor: User,
  change: DiscussionChange,
  work: (tx: Sql, discussion: Discussion) => Promise<T>,
): Promise<T> {
  return await parts.database.transaction(async tx => {
    const discussion = await lockDiscussion(tx, repo.id, number, parts.clock())
    if (!discussion) throw new DiscussionNotFound(number)
    const result = await work(tx, discussion)
    await parts.emit(tx, 'discussion-changed', { repoId: repo.id, number, change, byUserId: actor.id })
    return result
  })
}

/** Appends an event to a discussion that this transaction has locked or made. Throws LimitExceeded. */
export async function addEvent(
  parts: Pick<DiscussionParts, 'clock'>,
  tx: Sql,
  discussion: Pick<Discussion, 'repoId' | 'number'>,
  authorId: string | null,
  data: EventData,
): Promise<DiscussionEvent> {
  const textBytes = data.type === 'comment' ? Buffer.byteLength(data.raw) : 0
  const { eventCount } = await countText(tx, discussion, { events: 1, textBytes })
  // However much has been said, it can still be closed.
  const limit = data.type === 'status-change' ? 2 * eventLimit : eventLimit
  if (eventCount > limit) throw new LimitExceeded('one discussion', limit, 'comments and changes')
  const now = parts.clock()
  const event = { id: newId(now), authorId, createdAt: now, data }
  await insertEvent(tx, discussion, eventCount, event)
  if (data.type === 'comment') await useImages(tx, discussion.repoId, event.id, imagesIn(data.raw))
  return event
}

/** Appends what somebody says beside another change, and tells of it. */
export async function sayBeside(
  parts: Pick<DiscussionParts, 'clock' | 'emit'>,
  tx: Sql,
  { repoId, number }: Discussion,
  actor: User,
  raw: string | undefined,
): Promise<void> {
  if (raw === undefined) return
  await addEvent(parts, tx, { repoId, number }, actor.id, newComment(raw))
  await parts.emit(tx, 'discussion-changed', { repoId, number, change: 'commented', byUserId: actor.id })
}

/** Throws LimitExceeded when a discussion would hold more than can be read at once. */
export async function countText(
  tx: Sql,
  discussion: Pick<Discussion, 'repoId' | 'number'>,
  added: { events: number; textBytes: number },
): Promise<{ eventCount: number }> {
  const counted = await countEvent(tx, discussion, added)
  if (added.textBytes > 0 && counted.textBytes > discussionTextLimit) {
    throw new LimitExceeded('the text of one discussion', discussionTextLimit, 'bytes', counted.textBytes)
  }
  return counted
}

export function newComment(raw: string): EventData & CommentData {
  return { type: 'comment', raw, isHidden: false, history: [] }
}

/** Ids of uploaded images that a text shows. */
export function imagesIn(raw: string): string[] {
  return [...new Set(Array.from(raw.matchAll(/\/uploads\/([0-9a-f]{32})\./g), match => match[1] as string))]
}

/** Throws Forbidden unless it is the author who asks, or somebody who may write to the repository. */
export function demandAuthorOrWriter(
  parts: Pick<DiscussionParts, 'policy'>,
  actor: Actor,
  repo: Repository,
  authorId: string | null,
  deed: string,
): void {
  if (actor.kind === 'user' && actor.id === authorId) return
  if (parts.policy.can(actor, 'repo:write', { repo }).allowed) return
  throw new Forbidden(`only its author, and whoever may write to ${repoId(repo)}, may ${deed}`)
}
