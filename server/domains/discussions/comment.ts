import type { User } from '../../kernel/actor.ts'
import { LimitExceeded } from '../../kernel/errors.ts'
import { Forbidden } from '../policy/index.ts'
import {
  addEvent,
  changeDiscussion,
  countText,
  demandAuthorOrWriter,
  imagesIn,
  newComment,
  type Place,
} from './change-discussion.ts'
import { CommentHidden, CommentNotFound } from './errors.ts'
import { readComment } from './limits.ts'
import type { DiscussionParts } from './parts.ts'
import { type DiscussionEvent, findComment, updateComment } from './store.ts'
import { forgetUses, useImages } from './store-images.ts'

/** Everybody who may read, and is somebody, may comment; also where nothing more is open. */
export async function addComment(
  parts: DiscussionParts,
  actor: User,
  place: Place,
  text: string,
): Promise<DiscussionEvent> {
  const raw = readComment(text)
  return await changeDiscussion(parts, place, actor, 'commented', (tx, discussion) =>
    addEvent(parts, tx, discussion, actor.id, newComment(raw)),
  )
}

/** What it said before is kept beside it, up to so many times. */
const editLimit = 100

/** Only who wrote it may. Throws CommentNotFound, CommentHidden, Forbidden, LimitExceeded. */
export async function editComment(
  parts: DiscussionParts,
  actor: User,
  place: Place,
  id: string,
  text: string,
): Promise<DiscussionEvent> {
  const raw = readComment(text)
  return await changeDiscussion(parts, place, actor, 'edited', async (tx, discussion) => {
    const event = await findComment(tx, discussion, id)
    if (!event) throw new CommentNotFound(id)
    if (event.authorId !== actor.id) throw new Forbidden('only who wrote a comment may edit it')
    const { data } = event
    if (data.isHidden) throw new CommentHidden()
    if (data.history.length >= editLimit) throw new LimitExceeded('one comment', editLimit, 'edits')
    await countText(tx, discussion, { events: 0, textBytes: Buffer.byteLength(raw) })
    const before = { raw: data.raw, at: data.editedAt ?? event.createdAt }
    const edited = { ...data, raw, editedAt: parts.clock(), history: [...data.history, before] }
    await updateComment(tx, id, edited)
    await useImages(tx, discussion.repoId, id, imagesIn(raw))
    return { ...event, data: { ...edited, type: 'comment' } }
  })
}

/** For good: what it said is forgotten, and so are its images. Throws CommentNotFound, Forbidden. */
export async function hideComment(
  parts: DiscussionParts,
  actor: User,
  place: Place,
  id: string,
): Promise<DiscussionEvent> {
  return await changeDiscussion(parts, place, actor, 'hidden', async (tx, discussion) => {
    const event = await findComment(tx, discussion, id)
    if (!event) throw new CommentNotFound(id)
    demandAuthorOrWriter(parts, actor, place.repo, event.authorId, 'hide it')
    const { data } = event
    if (data.isHidden) throw new CommentHidden()
    const texts = [data.raw, ...data.history.map(({ raw }) => raw)]
    const textBytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0)
    await countText(tx, discussion, { events: 0, textBytes: -textBytes })
    const hidden = { raw: '', isHidden: true, hiddenBy: actor.id, history: [] }
    await updateComment(tx, id, hidden)
    await forgetUses(tx, id)
    return { ...event, data: { ...hidden, type: 'comment' } }
  })
}
