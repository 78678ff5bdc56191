import type { Actor } from '../../kernel/actor.ts'
import { type Account, AccountNotFound, avatarUrl } from '../accounts/index.ts'
import type { CommunityParts } from './parts.ts'
import { countFollowers, countFollowing, followedAmong } from './store-follows.ts'
import { countLiked } from './store-likes.ts'

type Parts = Pick<CommunityParts, 'database' | 'accounts' | 'policy' | 'catalog'>

/** Throws AccountNotFound when there is none, or one of the other kind. */
export async function findAccount(
  { accounts }: Pick<CommunityParts, 'accounts'>,
  kind: Account['kind'],
  name: string,
): Promise<Account> {
  const account = await accounts.findAccount(name)
  if (account?.kind !== kind) throw new AccountNotFound(kind, name)
  return account
}

/**
 * huggingface_hub `hf_api.py:get_user_overview`. Repositories are counted that the actor sees; likes, those of public
 * ones.
 */
export async function describeUser(parts: Parts, actor: Actor, name: string) {
  const { sql } = parts.database
  const user = await findAccount(parts, 'user', name)
  const organizations = await parts.accounts.organizationsOf(user.id)
  return {
    _id: user.id,
    user: user.name,
    type: 'user' as const,
    isPro: false,
    ...(await commonFacts(parts, actor, user)),
    numLikes: await countLiked(sql, user.id),
    numFollowing: await countFollowing(sql, user.id),
    orgs: organizations.map(({ id, name, fullname }) => ({
      id,
      name,
      fullname,
      avatarUrl: avatarUrl(id),
    })),
  }
}

/** huggingface_hub `hf_api.py:get_organization_overview`. */
export async function describeOrganization(parts: Parts, actor: Actor, name: string) {
  const organization = await findAccount(parts, 'organization', name)
  return {
    _id: organization.id,
    name: organization.name,
    type: 'org' as const,
    isVerified: false,
    ...(await commonFacts(parts, actor, organization)),
    numUsers: await parts.accounts.countMembers(organization.id),
  }
}

async function commonFacts(parts: Parts, actor: Actor, { id, fullname }: Account) {
  const { sql } = parts.database
  const repos = await parts.catalog.countRepos(id, parts.policy.privateReach(actor))
  const followers = await countFollowers(sql, [id])
  return {
    fullname,
    avatarUrl: avatarUrl(id),
    numModels: repos.model,
    numDatasets: repos.dataset,
    numSpaces: repos.space,
    numFollowers: followers.get(id) ?? 0,
    ...(actor.kind === 'user' && { isFollowing: (await followedAmong(sql, actor.id, [id])).has(id) }),
  }
}
