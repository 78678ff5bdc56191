import { z } from 'zod'
import {
  discussionDetails,
  discussions,
  newMessage,
  newStatus,
  newTitle,
  openedDiscussion,
  updatedComment,
} from '../../../contract/discussions.ts'
import { flag, index, text } from '../../http/query.ts'
import { type Call, type Route, repoOf, route } from '../../http/route.ts'
import type { User } from '../../kernel/actor.ts'
import { repoPath } from '../../kernel/repository.ts'
import type { Place } from './change-discussion.ts'
import { changeStatus } from './change-status.ts'
import { changeTitle } from './change-title.ts'
import { addComment, editComment, hideComment } from './comment.ts'
import { describeDiscussion } from './describe-discussion.ts'
import { DiscussionNotFound } from './errors.ts'
import { mergePullRequest } from './merge-pull-request.ts'
import { openDiscussion } from './open-discussion.ts'
import type { DiscussionParts } from './parts.ts'
import { accountsIn, authorsOf, presentDiscussion, presentEvent } from './present.ts'
import { type DiscussionEvent, listDiscussions } from './store.ts'

/** hub-protocol section 8. */

const pageSize = 50

const listQuery = z.object({
  type: z.enum(['discussion', 'pull_request', 'all']).default('all'),
  status: z.enum(['open', 'closed', 'all']).default('all'),
  author: text,
  p: index,
})

const opening = z.object({
  title: z.string(),
  description: z.string().nullish(),
  pullRequest: z.boolean().nullish(),
})

export function discussionRoutes(parts: DiscussionParts): Route[] {
  const present = async (event: DiscussionEvent) =>
    presentEvent(event, await authorsOf(parts, accountsIn(event)))
  return [
    route({
      method: 'GET',
      path: '{api}/discussions',
      grant: 'repo:view',
      about: {
        summary: 'Discussions and pull requests of a repository, newest first',
        answers: { 200: discussions },
      },
      query: listQuery,
      handle: call => listPage(parts, call),
    }),
    route({
      method: 'POST',
      path: '{api}/discussions',
      grant: 'repo:discuss',
      about: {
        summary: 'Open a discussion, or a draft of a pull request',
        answers: { 200: openedDiscussion },
      },
      body: opening,
      async handle(call) {
        const repo = repoOf(call)
        const num = await openDiscussion(parts, call.actor as User, repo, {
          title: call.body.title,
          description: call.body.description ?? '',
          isPullRequest: call.body.pullRequest ?? false,
        })
        return { num, url: `${call.origin}${repoPath(repo)}/discussions/${num}` }
      },
    }),
    route({
      method: 'GET',
      path: '{api}/discussions/:num',
      grant: 'repo:view',
      about: {
        summary: 'A discussion with all that has happened in it',
        answers: { 200: discussionDetails },
      },
      query: z.object({ diff: flag }),
      handle: call =>
        describeDiscussion(parts, call.actor, placeOf(call), { withDiff: call.query.diff ?? false }),
    }),
    route({
      method: 'POST',
      path: '{api}/discussions/:num/comment',
      grant: 'repo:discuss',
      about: { summary: 'Comment', answers: { 200: newMessage } },
      body: z.object({ comment: z.string() }),
      async handle(call) {
        const event = await addComment(parts, call.actor as User, placeOf(call), call.body.comment)
        return { newMessage: await present(event) }
      },
    }),
    route({
      method: 'POST',
      path: '{api}/discussions/:num/comment/:event/edit',
      grant: 'repo:discuss',
      about: { summary: "Edit a comment of one's own", answers: { 200: updatedComment } },
      body: z.object({ content: z.string() }),
      async handle(call) {
        const { actor, params, body } = call
        const event = await editComment(
          parts,
          actor as User,
          placeOf(call),
          String(params.event),
          body.content,
        )
        return { updatedComment: await present(event) }
      },
    }),
    route({
      method: 'POST',
      path: '{api}/discussions/:num/comment/:event/hide',
      grant: 'repo:discuss',
      about: { summary: 'Hide a comment for good', answers: { 200: updatedComment } },
      async handle(call) {
        const event = await hideComment(parts, call.actor as User, placeOf(call), String(call.params.event))
        return { updatedComment: await present(event) }
      },
    }),
    route({
      method: 'POST',
      path: '{api}/discussions/:num/title',
      grant: 'repo:discuss',
      about: { summary: 'Change the title', answers: { 200: newTitle } },
      body: z.object({ title: z.string() }),
      async handle(call) {
        const event = await changeTitle(parts, call.actor as User, placeOf(call), call.body.title)
        return { newTitle: await present(event) }
      },
    }),
    route({
      method: 'POST',
      path: '{api}/discussions/:num/status',
      grant: 'repo:discuss',
      about: { summary: 'Close, or open again', answers: { 200: newStatus } },
      body: z.object({ status: z.enum(['open', 'closed']), comment: z.string().nullish() }),
      async handle(call) {
        const { status, comment } = call.body
        const event = await changeStatus(
          parts,
          call.actor as User,
          placeOf(call),
          status,
          comment ?? undefined,
        )
        return { newStatus: await present(event) }
      },
    }),
    route({
      method: 'POST',
      path: '{api}/discussions/:num/merge',
      grant: 'repo:write',
      about: { summary: 'Merge a pull request', answers: { 200: newStatus } },
      body: z.object({ comment: z.string().nullish() }).nullish(),
      async handle(call) {
        const comment = call.body?.comment ?? undefined
        const event = await mergePullRequest(parts, call.actor as User, placeOf(call), comment)
        return { newStatus: await present(event) }
      },
    }),
  ]
}

function placeOf(call: Pick<Call, 'repo' | 'request' | 'params'>): Place {
  const number = Number(call.params.num)
  if (!Number.isInteger(number) || number < 1 || number > 2 ** 31 - 1) throw new DiscussionNotFound(number)
  return { repo: repoOf(call), number }
}

async function listPage(parts: DiscussionParts, call: Call<z.infer<typeof listQuery>>) {
  const repo = repoOf(call)
  const { type, status, author, p = 0 } = call.query
  const start = Math.min(p * pageSize, 2 ** 31)
  const account = author === undefined ? undefined : await parts.accounts.findAccount(author)
  if (author !== undefined && !account) return { discussions: [], count: 0, start }
  const filter = { type, status, authorId: account?.id }
  const page = await listDiscussions(parts.database.sql, repo.id, filter, { start, limit: pageSize })
  const authors = await authorsOf(
    parts,
    page.discussions.map(discussion => discussion.authorId),
  )
  return {
    discussions: page.discussions.map(discussion => presentDiscussion(discussion, repo, authors)),
    count: page.count,
    start,
  }
}
