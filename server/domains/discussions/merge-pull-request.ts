import type { User } from '../../kernel/actor.ts'
import { pullRequestRef } from '../repos/index.ts'
import { addEvent, type Place, sayBeside } from './change-discussion.ts'
import { DiscussionNotFound, NoPullRequest, WrongStatus } from './errors.ts'
import { readComment } from './limits.ts'
import type { DiscussionParts } from './parts.ts'
import {
  type Discussion,
  type DiscussionEvent,
  findDiscussion,
  lockDiscussion,
  updateDiscussion,
} from './store.ts'

/**
 * Merges an open pull request into its branch; ref, status and events change together. Throws NoPullRequest, WrongStatus,
 * MergeConflict, RevisionNotFound when the branch has gone, StaleParent.
 */
export async function mergePullRequest(
  parts: DiscussionParts,
  actor: User,
  { repo, number }: Place,
  comment: string | undefined,
): Promise<DiscussionEvent> {
  const raw = comment === undefined ? undefined : readComment(comment)
  const { base, title } = demandMergeable(await findDiscussion(parts.database.sql, repo.id, number), number)
  const refs = { from: pullRequestRef(number), into: base }
  let changed: DiscussionEvent | undefined
  await parts.repos.merge(actor, repo, refs, `${title} (#${number})`, async (tx, merge) => {
    const discussion = demandMergeable(await lockDiscussion(tx, repo.id, number, parts.clock()), number)
    await sayBeside(parts, tx, discussion, actor, raw)
    const made = { status: 'merged', mergeCommit: merge.commitId, mergeBase: merge.base } as const
    await updateDiscussion(tx, discussion, made)
    changed = await addEvent(parts, tx, discussion, actor.id, { type: 'status-change', status: 'merged' })
    const facts = { repoId: repo.id, number, byUserId: actor.id }
    await parts.emit(tx, 'discussion-changed', { ...facts, change: 'merged' })
  })
  return changed as DiscussionEvent
}

function demandMergeable(found: Discussion | undefined, number: number): Discussion & { base: string } {
  if (!found) throw new DiscussionNotFound(number)
  const { base, status } = found
  if (base === null) throw new NoPullRequest(number)
  if (status !== 'open') {
    throw new WrongStatus(number, status, 'only what is open can be merged')
  }
  return { ...found, base }
}
