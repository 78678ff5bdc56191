import type { User } from '../../kernel/actor.ts'
import { addEvent, changeDiscussion, demandAuthorOrWriter, type Place } from './change-discussion.ts'
import { readTitle } from './limits.ts'
import type { DiscussionParts } from './parts.ts'
import { type DiscussionEvent, updateDiscussion } from './store.ts'

/** Its author may, and whoever may write to the repository. */
export async function changeTitle(
  parts: DiscussionParts,
  actor: User,
  place: Place,
  wanted: string,
): Promise<DiscussionEvent> {
  const title = readTitle(wanted)
  return await changeDiscussion(parts, place, actor, 'retitled', async (tx, discussion) => {
    demandAuthorOrWriter(parts, actor, place.repo, discussion.authorId, 'change its title')
    await updateDiscussion(tx, discussion, { title })
    const data = { type: 'title-change', from: discussion.title, to: title } as const
    return await addEvent(parts, tx, discussion, actor.id, data)
  })
}
