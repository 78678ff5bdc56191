import type { Actor } from '../../kernel/actor.ts'
import type { Collection } from './collection.ts'
import { idOfSlug } from './collection.ts'
import { CollectionNotFound } from './errors.ts'
import type { CommunityParts } from './parts.ts'
import { collectionsById } from './store-collections.ts'

type Parts = Pick<CommunityParts, 'database' | 'policy' | 'accounts'>

export function canSee(
  { policy }: Pick<CommunityParts, 'policy'>,
  actor: Actor,
  collection: Collection,
): boolean {
  const { isPrivate, ownerId } = collection
  return !isPrivate || policy.can(actor, 'account:read', { account: { id: ownerId } }).allowed
}

/** By any slug that it ever had. Throws CollectionNotFound, also when the actor may not know of it. */
export async function findCollection(parts: Parts, actor: Actor, slug: string): Promise<Collection> {
  const id = idOfSlug(slug)
  const [collection] = id === undefined ? [] : await collectionsById(parts.database.sql, [id])
  if (!collection || !canSee(parts, actor, collection)) throw new CollectionNotFound(slug)
  const [namespace, ...rest] = slug.split('/')
  if (rest.length > 0) {
    const owner = await parts.accounts.findAccount(namespace ?? '')
    if (owner?.id !== collection.ownerId) throw new CollectionNotFound(slug)
  }
  return collection
}

/** The same, for somebody who may change it; else throws what policy says. */
export async function findOwnCollection(parts: Parts, actor: Actor, slug: string): Promise<Collection> {
  const collection = await findCollection(parts, actor, slug)
  parts.policy.demand(actor, 'account:write', { account: { id: collection.ownerId } })
  return collection
}
