import { z } from 'zod'
import { commits, refs } from '../../../contract/repos.ts'
import { encodeCursor, linkNextPage, readPosition } from '../../http/pages.ts'
import { count, flag, index, list, text } from '../../http/query.ts'
import { type Route, repoOf, route } from '../../http/route.ts'
import type { User } from '../../kernel/actor.ts'
import { createBranch, createTag, deleteBranch, deleteTag, listRefs } from './branches.ts'
import { splitMessage } from './commit-message.ts'
import { historyOf } from './history.ts'
import type { RepoParts } from './parts.ts'
import { resolveRevision } from './resolve-revision.ts'
import { squashHistory } from './squash-history.ts'
import type { Ref } from './store.ts'

/** hub-protocol section 4: refs, branches, tags, commits; super-squash of section 2. */
export function refRoutes(parts: RepoParts): Route[] {
  return [
    route({
      method: 'GET',
      path: '{api}/refs',
      grant: 'repo:view',
      about: { summary: 'Branches, tags and other refs', answers: { 200: refs } },
      query: z.object({ include_prs: flag }),
      async handle(call) {
        const refs = await listRefs(parts, repoOf(call))
        return {
          branches: present(refs, 'refs/heads/'),
          converts: present(refs, 'refs/convert/'),
          tags: present(refs, 'refs/tags/'),
          ...(call.query.include_prs && { pullRequests: present(refs, 'refs/pr/') }),
        }
      },
    }),
    route({
      method: 'POST',
      path: '{api}/branch/*',
      grant: 'repo:write',
      about: { summary: 'Make a branch', tail: ['branch'], answers: { 201: null } },
      body: z
        .object({
          startingPoint: z.string().nullish(),
          emptyBranch: z.boolean().nullish(),
          overwrite: z.boolean().nullish(),
        })
        .optional(),
      async handle(call) {
        await createBranch(parts, call.actor as User, repoOf(call), {
          name: decodeURIComponent(call.tail),
          startingPoint: call.body?.startingPoint ?? undefined,
          empty: call.body?.emptyBranch ?? false,
          overwrite: call.body?.overwrite ?? false,
        })
        return call.reply.code(201).send()
      },
    }),
    route({
      method: 'DELETE',
      path: '{api}/branch/*',
      grant: 'repo:write',
      about: { summary: 'Delete a branch', tail: ['branch'], answers: { 200: null } },
      async handle(call) {
        await deleteBranch(parts, repoOf(call), decodeURIComponent(call.tail))
        return call.reply.code(200).send()
      },
    }),
    route({
      method: 'POST',
      path: '{api}/tag/*',
      grant: 'repo:write',
      about: { summary: 'Tag a revision', tail: ['revision'], answers: { 201: null } },
      body: z.object({ tag: z.string().min(1), message: z.string().max(65_536).nullish() }),
      async handle(call) {
        await createTag(parts, call.actor as User, repoOf(call), {
          name: call.body.tag,
          revision: decodeURIComponent(call.tail),
          message: call.body.message ?? undefined,
        })
        return call.reply.code(201).send()
      },
    }),
    route({
      method: 'DELETE',
      path: '{api}/tag/*',
      grant: 'repo:write',
      about: { summary: 'Delete a tag', tail: ['tag'], answers: { 200: null } },
      async handle(call) {
        await deleteTag(parts, repoOf(call), decodeURIComponent(call.tail))
        return call.reply.code(200).send()
      },
    }),
    route({
      method: 'POST',
      path: '{api}/super-squash/*',
      grant: 'repo:write',
      about: {
        summary: 'Make one commit of the history of a branch',
        tail: ['branch'],
        answers: { 200: null },
      },
      body: z.object({ message: z.string().min(1).max(65_536) }),
      async handle(call) {
        const revision = decodeURIComponent(call.tail)
        await squashHistory(parts, call.actor as User, repoOf(call), revision, call.body.message)
        return call.reply.code(200).send()
      },
    }),
    route({
      method: 'GET',
      path: '{api}/commits/*',
      grant: 'repo:view',
      about: {
        summary: 'Commits of a revision, newest first',
        tail: ['revision'],
        answers: { 200: commits },
      },
      query: z.object({ limit: count, cursor: text, p: index, expand: list }),
      async handle(call) {
        const repo = repoOf(call)
        const revision = decodeURIComponent(call.tail)
        const cursor = readCommitsCursor(call.query.cursor)
        const head = await resolveRevision(parts, repo, cursor?.head ?? revision)
        const ids = await historyOf(parts, repo, head)
        const limit = Math.min(call.query.limit ?? 50, 1000)
        const start = cursor?.start ?? (call.query.p ?? 0) * limit
        const page = ids.slice(start, start + limit)
        call.reply.header('x-total-count', ids.length)
        const end = start + page.length
        linkNextPage(call, end < ids.length ? encodeCursor({ head, start: end }) : undefined)
        const formatted = call.query.expand.includes('formatted')
        return Promise.all(page.map(id => presentCommit(parts, repo.id, id, formatted)))
      },
    }),
  ]
}

function present(refs: readonly Ref[], prefix: string) {
  return refs
    .filter(ref => ref.name.startsWith(prefix))
    .map(ref => ({ name: ref.name.slice(prefix.length), ref: ref.name, targetCommit: ref.commitId }))
}

async function presentCommit(parts: RepoParts, repoId: string, id: string, formatted: boolean) {
  const commit = await parts.git.commit(repoId, id)
  const { title, message } = splitMessage(commit.message)
  return {
    id,
    title,
    message,
    authors: [{ user: commit.author.name, avatar: '' }],
    date: new Date(commit.committer.time).toISOString(),
    ...(formatted && { formatted: { title: escapeHtml(title), message: escapeHtml(message) } }),
  }
}

function escapeHtml(text: string): string {
  return text.replace(
    /[&<>"]/g,
    char => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[char] ?? char,
  )
}

const position = z.object({
  head: z.string().regex(/^[0-9a-f]{40}$/),
  start: z.number().int().nonnegative(),
})

function readCommitsCursor(cursor: string | undefined): { head: string; start: number } | undefined {
  return cursor === undefined ? undefined : readPosition(cursor, position)
}
