import { z } from 'zod'
import {
  likedRepos,
  organizationOverview,
  people,
  storageList,
  userOverview,
} from '../../../contract/community.ts'
import { nothing } from '../../../contract/parts.ts'
import { encodeCursor, linkNextPage, readPosition } from '../../http/pages.ts'
import { count, text } from '../../http/query.ts'
import { type Call, type Route, repoOf, route } from '../../http/route.ts'
import type { User } from '../../kernel/actor.ts'
import { repoId } from '../../kernel/repository.ts'
import type { Account } from '../accounts/index.ts'
import { describeOrganization, describeUser, findAccount } from './describe-account.ts'
import { SelfFollowed } from './errors.ts'
import { likeRepo, unlikeRepo } from './like-repo.ts'
import type { CommunityParts } from './parts.ts'
import { inOrder, presentAccount } from './present-people.ts'
import { deleteFollow, followsOf, insertFollow } from './store-follows.ts'
import { type Before, likedBy, likersOf } from './store-likes.ts'

/** hub-protocol sections 1 and 3: overviews, followers, members, likes, storage. */

const page = z.object({ limit: count, cursor: text })
type PageCall = Call<z.infer<typeof page>>
const position = z.object({ at: z.number(), id: z.string() })
const pageSize = 100
const mostOnPage = 500

const kinds = [
  ['user', '/api/users/:account'],
  ['organization', '/api/organizations/:account'],
] as const

export function peopleRoutes(parts: CommunityParts): Route[] {
  return [...kinds.flatMap(([kind, path]) => accountRoutes(parts, kind, path)), ...listRoutes(parts)]
}

function accountRoutes(parts: CommunityParts, kind: Account['kind'], path: string): Route[] {
  const { sql } = parts.database
  const accountOf = (call: Pick<Call, 'params'>) => findAccount(parts, kind, String(call.params.account))
  return [
    route({
      method: 'GET',
      path: `${path}/overview`,
      grant: 'anyone',
      about: {
        summary: `What is known of ${kind === 'user' ? 'a user' : 'an organisation'}`,
        answers: { 200: kind === 'user' ? userOverview : organizationOverview },
      },
      handle({ actor, params }) {
        const describe = kind === 'user' ? describeUser : describeOrganization
        return describe(parts, actor, String(params.account))
      },
    }),
    route({
      method: 'GET',
      path: `${path}/followers`,
      grant: 'anyone',
      about: { summary: 'Who follows it', answers: { 200: people } },
      query: page,
      async handle(call) {
        const { id } = await accountOf(call)
        return accountPage(parts, call, (before, limit) => followsOf(sql, 'followers', id, before, limit))
      },
    }),
    route({
      method: 'POST',
      path: `${path}/follow`,
      grant: 'own:write',
      about: { summary: 'Follow it', answers: { 200: nothing } },
      async handle(call) {
        const { id } = await accountOf(call)
        const follower = call.actor as User
        if (id === follower.id) throw new SelfFollowed()
        await insertFollow(sql, { follower_id: follower.id, followed_id: id, created_at: parts.clock() })
        return {}
      },
    }),
    route({
      method: 'DELETE',
      path: `${path}/follow`,
      grant: 'own:write',
      about: { summary: 'Follow it no longer', answers: { 204: null } },
      async handle(call) {
        await deleteFollow(sql, (call.actor as User).id, (await accountOf(call)).id)
      },
    }),
  ]
}

function listRoutes(parts: CommunityParts): Route[] {
  const { sql } = parts.database
  return [
    route({
      method: 'GET',
      path: '/api/users/:account/following',
      grant: 'anyone',
      about: { summary: 'Whom a user follows', answers: { 200: people } },
      query: page,
      async handle(call) {
        const { id } = await findAccount(parts, 'user', String(call.params.account))
        return accountPage(parts, call, (before, limit) => followsOf(sql, 'following', id, before, limit))
      },
    }),
    route({
      method: 'GET',
      path: '/api/users/:account/likes',
      grant: 'anyone',
      about: { summary: 'Public repositories that a user likes', answers: { 200: likedRepos } },
      query: page,
      async handle(call) {
        const { id } = await findAccount(parts, 'user', String(call.params.account))
        const likes = await timedPage(call, (before, limit) => likedBy(sql, id, before, limit))
        const repos = await parts.repos.byId(likes.map(like => like.id))
        const found = new Map(repos.filter(repo => !repo.isPrivate).map(repo => [repo.id, repo]))
        return likes.flatMap(like => {
          const repo = found.get(like.id)
          if (!repo) return []
          return { createdAt: new Date(like.at).toISOString(), repo: { name: repoId(repo), type: repo.type } }
        })
      },
    }),
    route({
      method: 'GET',
      path: '/api/organizations/:account/members',
      grant: 'anyone',
      about: { summary: 'Members of an organisation', answers: { 200: people } },
      query: page,
      async handle(call) {
        const { id } = await findAccount(parts, 'organization', String(call.params.account))
        const after =
          call.query.cursor === undefined ? undefined : readPosition(call.query.cursor, z.string())
        const limit = limitOf(call)
        const members = await parts.accounts.membersOf(id, after, limit + 1)
        const shown = members.slice(0, limit)
        const last = shown.at(-1)
        linkNextPage(call as Call, members.length > limit && last ? encodeCursor(last.name) : undefined)
        return shown.map(presentAccount)
      },
    }),
    route({
      method: 'GET',
      path: '/api/settings/repositories',
      grant: 'own:read',
      about: { summary: 'The own repositories, with what each stores', answers: { 200: storageList } },
      query: page,
      handle: call => storagePage(parts, call, (call.actor as User).id),
    }),
    route({
      method: 'GET',
      path: '/api/organizations/:account/settings/repositories',
      grant: 'signed-in',
      about: {
        summary: 'Repositories of an organisation, with what each stores',
        answers: { 200: storageList },
      },
      query: page,
      async handle(call) {
        const account = await findAccount(parts, 'organization', String(call.params.account))
        parts.policy.demand(call.actor, 'account:read', { account })
        return storagePage(parts, call, account.id)
      },
    }),
    route({
      method: 'GET',
      path: '{api}/likers',
      grant: 'repo:view',
      about: { summary: 'Who likes a repository', answers: { 200: people } },
      query: page,
      handle(call) {
        const { id } = repoOf(call)
        return accountPage(parts, call, (before, limit) => likersOf(sql, id, before, limit))
      },
    }),
    route({
      method: 'POST',
      path: '{api}/like',
      grant: 'repo:engage',
      about: { summary: 'Like a repository', answers: { 200: nothing } },
      async handle(call) {
        await likeRepo(parts, call.actor as User, repoOf(call))
        return {}
      },
    }),
    route({
      method: 'DELETE',
      path: '{api}/like',
      grant: 'repo:engage',
      about: { summary: 'Like a repository no longer', answers: { 204: null } },
      handle: call => unlikeRepo(parts, call.actor as User, repoOf(call)),
    }),
  ]
}

function limitOf(call: PageCall): number {
  return Math.min(call.query.limit ?? pageSize, mostOnPage)
}

type Timed = { readonly id: string; readonly at: number }

/** A page of what is listed by time, the last one first. */
async function timedPage(
  call: PageCall,
  load: (before: Before | undefined, limit: number) => Promise<Timed[]>,
): Promise<Timed[]> {
  const { cursor } = call.query
  const limit = limitOf(call)
  const found = await load(cursor === undefined ? undefined : readPosition(cursor, position), limit + 1)
  const shown = found.slice(0, limit)
  linkNextPage(call as Call, found.length > limit ? encodeCursor(shown.at(-1)) : undefined)
  return shown
}

async function accountPage(
  { accounts }: Pick<CommunityParts, 'accounts'>,
  call: PageCall,
  load: Parameters<typeof timedPage>[1],
) {
  const ids = (await timedPage(call, load)).map(one => one.id)
  return inOrder(ids, await accounts.accountsById(ids)).map(presentAccount)
}

async function storagePage(parts: CommunityParts, call: PageCall, accountId: string) {
  const { cursor } = call.query
  const before = cursor === undefined ? undefined : readPosition(cursor, z.string())
  const { page, next } = await parts.catalog.storagePage(accountId, before, limitOf(call))
  linkNextPage(call as Call, next === undefined ? undefined : encodeCursor(next))
  return page
}
