import type { Repository } from '../../kernel/repository.ts'
import { addEvent, newComment } from './change-discussion.ts'
import type { DiscussionParts } from './parts.ts'
import { lockDiscussion, openByHubAbout, updateDiscussion } from './store.ts'

/** What the hub itself has opened about subjects that begin with `prefix`, but for `subjects`: it no longer holds. */
export async function closeByHub(
  parts: Pick<DiscussionParts, 'database' | 'clock' | 'emit'>,
  repo: Repository,
  prefix: string,
  subjects: readonly string[],
  comment: string,
): Promise<void> {
  for (const { number, subject } of await openByHubAbout(parts.database.sql, repo.id, prefix)) {
    if (subjects.includes(subject)) continue
    await parts.database.transaction(async tx => {
      const discussion = await lockDiscussion(tx, repo.id, number, parts.clock())
      if (discussion?.status !== 'open') return
      await addEvent(parts, tx, discussion, null, newComment(comment))
      await updateDiscussion(tx, discussion, { status: 'closed' })
      await addEvent(parts, tx, discussion, null, { type: 'status-change', status: 'closed' })
      await parts.emit(tx, 'discussion-changed', { repoId: repo.id, number, change: 'status' })
    })
  }
}
