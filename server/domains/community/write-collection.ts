import type { User } from '../../kernel/actor.ts'
import { newId } from '../../kernel/ids.ts'
import { AccountNotFound } from '../accounts/index.ts'
import { type Collection, slugOf } from './collection.ts'
import { CollectionExists, CollectionNotFound } from './errors.ts'
import type { CommunityParts } from './parts.ts'
import {
  type CollectionChange,
  changeCollection,
  collectionOfTitle,
  countCollections,
  deleteCollection,
  insertCollection,
  moveCollection,
} from './store-collections.ts'
import { deleteItemEverywhere } from './store-items.ts'

type Parts = Pick<CommunityParts, 'database' | 'clock' | 'accounts' | 'policy'>

export interface NewCollection {
  readonly namespace: string
  readonly title: string
  readonly description: string | null
  readonly isPrivate: boolean
}

/** Throws AccountNotFound, CollectionExists, or what policy says of acting in that namespace. */
export async function createCollection(
  parts: Parts,
  actor: User,
  wanted: NewCollection,
): Promise<Collection> {
  const owner = await parts.accounts.findAccount(wanted.namespace)
  if (!owner) throw new AccountNotFound('user or organization', wanted.namespace)
  parts.policy.demand(actor, 'account:write', { account: owner })
  const now = parts.clock()
  const isNew = await parts.database.transaction(tx =>
    insertCollection(tx, {
      id: newId(now),
      owner_id: owner.id,
      title: wanted.title,
      description: wanted.description,
      is_private: wanted.isPrivate ? 1 : 0,
      theme: 'blue',
      created_at: now,
      updated_at: now,
    }),
  )
  const found = await collectionOfTitle(parts.database.sql, owner.id, wanted.title)
  if (!found) throw new CollectionNotFound(wanted.title)
  if (!isNew) throw new CollectionExists(slugOf(owner.name, found))
  return found
}

/** Throws CollectionNotFound when it is gone meanwhile, or CollectionExists about another one of that title. */
export async function updateCollection(
  parts: Parts,
  collection: Collection,
  change: CollectionChange,
  position: number | undefined,
): Promise<Collection> {
  try {
    return await parts.database.transaction(async tx => {
      const changed = await changeCollection(tx, collection, change, parts.clock())
      if (!changed) throw new CollectionNotFound(collection.id)
      if (position === undefined) return changed
      const last = (await countCollections(tx, changed.ownerId)) - 1
      const to = Math.min(position, last)
      await moveCollection(tx, changed, to)
      return { ...changed, position: to }
    })
  } catch (error) {
    if (!parts.database.isDuplicate(error) || change.title === undefined) throw error
    const other = await collectionOfTitle(parts.database.sql, collection.ownerId, change.title)
    const [owner] = await parts.accounts.accountsById([collection.ownerId])
    throw new CollectionExists(slugOf(owner?.name ?? '', other ?? collection))
  }
}

/** Throws CollectionNotFound when it is gone meanwhile. */
export async function removeCollection(
  { database }: Pick<CommunityParts, 'database'>,
  collection: Collection,
): Promise<void> {
  await database.transaction(async tx => {
    if (!(await deleteCollection(tx, collection.id))) throw new CollectionNotFound(collection.id)
    await deleteItemEverywhere(tx, collection.id)
  })
}
