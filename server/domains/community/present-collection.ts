import type { Actor } from '../../kernel/actor.ts'
import { type Repository, repoId } from '../../kernel/repository.ts'
import { type Account, avatarUrl } from '../accounts/index.ts'
import { type Collection, slugOf } from './collection.ts'
import { canSee } from './find-collection.ts'
import type { CommunityParts } from './parts.ts'
import { collectionsById } from './store-collections.ts'
import { countFollowers, followedAmong } from './store-follows.ts'
import { type Item, itemsOf } from './store-items.ts'
import { likedAmong } from './store-likes.ts'

type Parts = Pick<CommunityParts, 'database' | 'accounts' | 'policy' | 'repos' | 'catalog'>
type Shown = Record<string, unknown>

/** In lists; hidden ones before them may take the place of some. */
const itemsInLists = 4
const lookedAtInLists = 12

/** A collection whole: huggingface_hub `hf_api.py:Collection`, @huggingface/hub `src/types/api/api-collection.ts`. */
export async function presentCollection(
  parts: Parts,
  actor: Actor,
  collection: Collection,
  origin: string,
): Promise<Shown> {
  const facts = await factsOf(parts, actor, [collection], undefined)
  return {
    ...present(facts, collection),
    items: presentItems(facts, collection, origin),
    position: collection.position,
    shareUrl: `${origin}/collections/${facts.slugs.get(collection.id)}`,
  }
}

/** Collections with their first items. Without `position`, which the Python client numbers itself. */
export async function presentCollections(
  parts: Parts,
  actor: Actor,
  collections: readonly Collection[],
  origin: string,
): Promise<Shown[]> {
  const facts = await factsOf(parts, actor, collections, lookedAtInLists)
  return collections.map(collection => ({
    ...present(facts, collection),
    items: presentItems(facts, collection, origin).slice(0, itemsInLists),
  }))
}

interface Facts {
  readonly items: ReadonlyMap<string, readonly Item[]>
  /** Those that the actor sees. */
  readonly repos: ReadonlyMap<string, Repository>
  readonly nested: ReadonlyMap<string, Collection>
  /** What lists show of repositories. */
  readonly listed: ReadonlyMap<string, Shown>
  readonly likes: ReadonlySet<string>
  readonly owners: ReadonlyMap<string, Shown>
  readonly slugs: ReadonlyMap<string, string>
}

/** All that is to be known, a query for each kind of thing however many there are. */
async function factsOf(
  parts: Parts,
  actor: Actor,
  collections: readonly Collection[],
  end: number | undefined,
): Promise<Facts> {
  const { sql } = parts.database
  const ids = collections.map(collection => collection.id)
  const items = await itemsOf(sql, ids, end)
  const idsOf = (isWanted: (item: Item) => boolean) => [
    ...new Set(items.filter(isWanted).map(item => item.item_id)),
  ]
  const nested = (
    await collectionsById(
      sql,
      idsOf(item => item.type === 'collection'),
    )
  ).filter(one => canSee(parts, actor, one))
  const found = await parts.repos.byId(idsOf(item => item.type !== 'collection'))
  const repos = found.filter(repo => parts.policy.can(actor, 'repo:view', { repo }).allowed)
  const repoIds = repos.map(repo => repo.id)
  const all = [...collections, ...nested]
  const accounts = await parts.accounts.accountsById([...new Set(all.map(one => one.ownerId))])
  const names = new Map(accounts.map(account => [account.id, account.name]))
  return {
    items: Map.groupBy(items, item => item.collection_id),
    repos: new Map(repos.map(repo => [repo.id, repo])),
    nested: new Map(nested.map(one => [one.id, one])),
    listed: await parts.catalog.listedById(repoIds),
    likes: actor.kind === 'user' ? await likedAmong(sql, actor.id, repoIds) : new Set(),
    owners: await presentOwners(parts, actor, accounts),
    slugs: new Map(all.map(one => [one.id, slugOf(names.get(one.ownerId) ?? '', one)])),
  }
}

async function presentOwners(parts: Parts, actor: Actor, accounts: readonly Account[]) {
  const { sql } = parts.database
  const ids = accounts.map(account => account.id)
  const followers = await countFollowers(sql, ids)
  const followed = actor.kind === 'user' ? await followedAmong(sql, actor.id, ids) : new Set<string>()
  return new Map(
    accounts.map(({ id, name, fullname, kind }) => [
      id,
      {
        _id: id,
        name,
        fullname,
        avatarUrl: avatarUrl(id),
        type: kind === 'user' ? 'user' : 'org',
        ...(kind === 'user' && { isPro: false }),
        isHf: false,
        isHfAdmin: false,
        isMod: false,
        followerCount: followers.get(id) ?? 0,
        isUserFollowing: followed.has(id),
      },
    ]),
  )
}

function present({ owners, slugs }: Facts, collection: Collection): Shown {
  const { id, title, description, ownerId, isPrivate, theme, updatedAt } = collection
  return {
    slug: slugs.get(id),
    title,
    ...(description !== null && { description }),
    gating: false,
    lastUpdated: new Date(updatedAt).toISOString(),
    owner: owners.get(ownerId),
    theme,
    private: isPrivate,
    upvotes: 0,
    isUpvotedByUser: false,
  }
}

/** What the actor may not see is not there: places are counted without it. */
function presentItems(facts: Facts, { id }: Collection, origin: string): Shown[] {
  const shown = (facts.items.get(id) ?? []).flatMap(item => {
    const what = presentRepo(facts, item) ?? presentNested(facts, item, origin)
    return what
      ? [{ _id: item.id, ...what, ...(item.note !== null && { note: presentNote(item.note) }) }]
      : []
  })
  return shown.map((item, position) => ({ ...item, position }))
}

const shownOfRepos = [
  'author',
  'createdAt',
  'downloads',
  'gated',
  'lastModified',
  'likes',
  'pipeline_tag',
  'private',
]

function presentRepo({ repos, listed, likes }: Facts, item: Item): Shown | undefined {
  const repo = repos.get(item.item_id)
  if (!repo) return undefined
  const line = Object.entries(listed.get(repo.id) ?? {}).filter(([key]) => shownOfRepos.includes(key))
  return {
    id: repoId(repo),
    type: repo.type,
    repoType: repo.type,
    ...Object.fromEntries(line),
    isLikedByUser: likes.has(repo.id),
  }
}

function presentNested(facts: Facts, item: Item, origin: string): Shown | undefined {
  const nested = facts.nested.get(item.item_id)
  if (!nested) return undefined
  const { gating: _, private: _private, ...what } = present(facts, nested)
  return {
    ...what,
    id: nested.id,
    type: 'collection',
    shareUrl: `${origin}/collections/${facts.slugs.get(nested.id)}`,
  }
}

function presentNote(text: string): { text: string; html: string } {
  return { text, html: text.replace(/[&<>"']/g, char => `&#${char.charCodeAt(0)};`) }
}
