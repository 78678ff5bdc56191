import type { Actor } from '../../kernel/actor.ts'
import { LimitExceeded } from '../../kernel/errors.ts'
import { pullRequestRef } from '../repos/index.ts'
import type { Place } from './change-discussion.ts'
import { DiscussionNotFound } from './errors.ts'
import type { DiscussionParts } from './parts.ts'
import { accountsIn, authorsOf, presentDiscussion, presentEvent } from './present.ts'
import { type Discussion, eventsOf, findDiscussion } from './store.ts'

/**
 * A discussion with all that has happened in it; a pull request also with what it would change. The diff shows the
 * content of files, so it is left out for whoever may not read them.
 */
export async function describeDiscussion(
  parts: DiscussionParts,
  actor: Actor,
  { repo, number }: Place,
  options: { withDiff: boolean },
): Promise<object> {
  const { sql } = parts.database
  const discussion = await findDiscussion(sql, repo.id, number)
  if (!discussion) throw new DiscussionNotFound(number)
  const withDiff = options.withDiff && (await parts.mayReadFiles(actor, repo))
  const events = await eventsOf(sql, repo.id, number)
  const authors = await authorsOf(parts, [discussion.authorId, ...events.flatMap(accountsIn)])
  return {
    ...presentDiscussion(discussion, repo, authors),
    events: events.map(event => presentEvent(event, authors)),
    ...(discussion.base !== null &&
      (await describeChanges(parts, { repo, number }, discussion, { withDiff }))),
  }
}

async function describeChanges(
  parts: DiscussionParts,
  { repo, number }: Place,
  { base, status, mergeBase, mergeCommit }: Discussion,
  { withDiff }: { withDiff: boolean },
) {
  const refs = { from: pullRequestRef(number), into: base as string }
  const from = mergeBase ?? (await parts.repos.refAt(repo, refs.into))
  const to = await parts.repos.refAt(repo, refs.from)
  const isWaiting = status === 'open' || status === 'draft'
  return {
    changes: { base: refs.into, ...(mergeCommit !== null && { mergeCommitId: mergeCommit }) },
    filesWithConflicts: isWaiting ? await conflictsOf(parts, repo, refs) : [],
    ...(withDiff && { diff: from && to ? await parts.repos.diff(repo, from, to) : '' }),
  }
}

/** Paths, or true when there is no saying which (huggingface_hub `community.py:DiscussionWithDetails`). */
async function conflictsOf(
  parts: DiscussionParts,
  repo: Place['repo'],
  refs: { from: string; into: string },
): Promise<readonly string[] | true> {
  try {
    return (await parts.repos.conflicts(repo, refs)) ?? true
  } catch (error) {
    if (error instanceof LimitExceeded) return true
    throw error
  }
}
