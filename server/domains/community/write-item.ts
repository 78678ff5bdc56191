import type { Actor } from '../../kernel/actor.ts'
import { LimitExceeded, RepoNotFound } from '../../kernel/errors.ts'
import { newId } from '../../kernel/ids.ts'
import type { RepoType } from '../../kernel/repository.ts'
import type { Sql } from '../../ports/database.ts'
import { type Collection, type ItemType, itemTypes } from './collection.ts'
import { CollectionNotFound, ItemExists, ItemNotFound, ItemTypeUnknown } from './errors.ts'
import { findCollection } from './find-collection.ts'
import type { CommunityParts } from './parts.ts'
import { changeCollection } from './store-collections.ts'
import { countItems, deleteItem, insertItem, itemById, moveItem, setNote } from './store-items.ts'

type Parts = Pick<CommunityParts, 'database' | 'clock' | 'accounts' | 'policy' | 'repos'>

/** As many as one answer shows. */
const mostItems = 1000

export interface NamedItem {
  readonly type: string
  /** `namespace/name`, or a collection's slug or the id in it. */
  readonly id: string
}

/**
 * The id of what is meant: of a repository or collection that the actor sees. Throws ItemTypeUnknown, RepoNotFound or
 * CollectionNotFound.
 */
export async function idOfItem(parts: Parts, actor: Actor, { type, id }: NamedItem): Promise<string> {
  if (type === 'collection') return (await findCollection(parts, actor, id)).id
  if (!(itemTypes as readonly string[]).includes(type)) throw new ItemTypeUnknown(type, itemTypes)
  const [namespace, name, ...rest] = id.replace(new RegExp(`^${type}s/(?=[^/]+/)`), '').split('/')
  if (namespace === undefined || name === undefined || rest.length > 0) throw new RepoNotFound(id)
  const repo = await parts.repos.find(type as RepoType, namespace, name)
  parts.policy.demand(actor, 'repo:view', { repo })
  return repo.id
}

/** At the end. Throws what `idOfItem` does, ItemExists, or LimitExceeded. */
export async function addItem(
  parts: Parts,
  actor: Actor,
  collection: Collection,
  item: NamedItem,
  note: string | null,
): Promise<void> {
  const itemId = await idOfItem(parts, actor, item)
  await write(parts, collection, async (tx, now) => {
    const count = await countItems(tx, collection.id)
    if (count >= mostItems) throw new LimitExceeded('a collection', mostItems, 'items')
    const isNew = await insertItem(tx, {
      id: newId(now),
      collection_id: collection.id,
      type: item.type as ItemType,
      item_id: itemId,
      position: count,
      note,
      created_at: now,
    })
    if (!isNew) throw new ItemExists(item.type, item.id)
  })
}

/** A place beyond the end is the end. Throws ItemNotFound. */
export async function changeItem(
  parts: Parts,
  collection: Collection,
  id: string,
  change: { readonly note?: string | null; readonly position?: number },
): Promise<void> {
  await write(parts, collection, async tx => {
    const item = await itemById(tx, collection.id, id)
    if (!item) throw new ItemNotFound(id)
    if (change.note !== undefined) await setNote(tx, id, change.note)
    if (change.position === undefined) return
    const last = (await countItems(tx, collection.id)) - 1
    await moveItem(tx, item, Math.min(change.position, last))
  })
}

/** Throws ItemNotFound. */
export async function removeItem(parts: Parts, collection: Collection, id: string): Promise<void> {
  await write(parts, collection, async tx => {
    const item = await itemById(tx, collection.id, id)
    if (!item) throw new ItemNotFound(id)
    await deleteItem(tx, item)
  })
}

/** Items have places by number, so a collection has one writer at a time. */
async function write(
  { database, clock }: Parts,
  collection: Collection,
  work: (tx: Sql, now: number) => Promise<void>,
): Promise<void> {
  await database.transaction(async tx => {
    const now = clock()
    if (!(await changeCollection(tx, collection, {}, now))) throw new CollectionNotFound(collection.id)
    await work(tx, now)
  })
}
