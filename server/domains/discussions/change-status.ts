import type { User } from '../../kernel/actor.ts'
import {
  addEvent,
  changeDiscussion,
  demandAuthorOrWriter,
  type Place,
  sayBeside,
} from './change-discussion.ts'
import { WrongStatus } from './errors.ts'
import { readComment } from './limits.ts'
import type { DiscussionParts } from './parts.ts'
import { type DiscussionEvent, updateDiscussion } from './store.ts'

/**
 * Closes, opens again, or opens a draft. Its author may, and whoever may write to the repository. The comment goes before
 * the change. Throws WrongStatus when it is so already, or merged.
 */
export async function changeStatus(
  parts: DiscussionParts,
  actor: User,
  place: Place,
  status: 'open' | 'closed',
  comment: string | undefined,
): Promise<DiscussionEvent> {
  const raw = comment === undefined ? undefined : readComment(comment)
  return await changeDiscussion(parts, place, actor, 'status', async (tx, discussion) => {
    demandAuthorOrWriter(
      parts,
      actor,
      place.repo,
      discussion.authorId,
      status === 'open' ? 'open it' : 'close it',
    )
    if (discussion.status === status) throw new WrongStatus(place.number, status, 'nothing was changed')
    if (discussion.status === 'merged') throw new WrongStatus(place.number, 'merged', 'that is for good')
    await sayBeside(parts, tx, discussion, actor, raw)
    await updateDiscussion(tx, discussion, { status })
    return await addEvent(parts, tx, discussion, actor.id, { type: 'status-change', status })
  })
}
