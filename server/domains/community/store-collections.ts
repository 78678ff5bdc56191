import type { Sql } from '../../ports/database.ts'
import type { PrivateReach } from '../policy/index.ts'
import type { Collection } from './collection.ts'
import type { Before } from './store-likes.ts'
import type { CommunityTables } from './tables.ts'

/** SQL about collections. Every function takes the connection or the transaction that it runs in. */

type Row = CommunityTables['collections']

const tables = (sql: Sql) => sql.withTables<CommunityTables>()

/** At the end of its owner's. False when the owner has one of that title. */
export async function insertCollection(
  tx: Sql,
  row: Omit<Row, 'position' | 'search_text'>,
): Promise<boolean> {
  const { count } = await tables(tx)
    .selectFrom('collections')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('owner_id', '=', row.owner_id)
    .executeTakeFirstOrThrow()
  const inserted = await tables(tx)
    .insertInto('collections')
    .values({ ...row, position: count, search_text: searchText(row) })
    .onConflict(conflict => conflict.columns(['owner_id', 'title']).doNothing())
    .executeTakeFirst()
  return Number(inserted.numInsertedOrUpdatedRows ?? 0) === 1
}

export async function collectionsById(sql: Sql, ids: readonly string[]): Promise<Collection[]> {
  if (ids.length === 0) return []
  const rows = await tables(sql).selectFrom('collections').selectAll().where('id', 'in', ids).execute()
  return rows.map(toCollection)
}

export async function collectionOfTitle(
  sql: Sql,
  ownerId: string,
  title: string,
): Promise<Collection | undefined> {
  const row = await tables(sql)
    .selectFrom('collections')
    .selectAll()
    .where('owner_id', '=', ownerId)
    .where('title', '=', title)
    .executeTakeFirst()
  return row && toCollection(row)
}

export type CollectionChange = Partial<Pick<Collection, 'title' | 'description' | 'isPrivate' | 'theme'>>

/**
 * Changes it, if only the time of its last change, and so makes its writers wait for each other. Undefined when it is
 * gone. Throws a duplicate where its owner has another one of that title.
 */
export async function changeCollection(
  tx: Sql,
  before: Collection,
  change: CollectionChange,
  now: number,
): Promise<Collection | undefined> {
  const { title, description, isPrivate, theme } = { ...before, ...change }
  const row = await tables(tx)
    .updateTable('collections')
    .set({
      ...('title' in change && { title }),
      ...('description' in change && { description }),
      ...('isPrivate' in change && { is_private: isPrivate ? 1 : 0 }),
      ...('theme' in change && { theme }),
      ...(('title' in change || 'description' in change) && {
        search_text: searchText({ title, description }),
      }),
      updated_at: now,
    })
    .where('id', '=', before.id)
    .returningAll()
    .executeTakeFirst()
  return row && toCollection(row)
}

/** Gives it another place among those of its owner, and the others theirs. */
export async function moveCollection(tx: Sql, collection: Collection, to: number): Promise<void> {
  const { id, ownerId, position: from } = collection
  const ofOwner = tables(tx).updateTable('collections').where('owner_id', '=', ownerId)
  await (to > from
    ? ofOwner
        .set(eb => ({ position: eb('position', '-', 1) }))
        .where('position', '>', from)
        .where('position', '<=', to)
    : ofOwner
        .set(eb => ({ position: eb('position', '+', 1) }))
        .where('position', '>=', to)
        .where('position', '<', from)
  ).execute()
  await tables(tx).updateTable('collections').set({ position: to }).where('id', '=', id).execute()
}

/** False when it is gone already. */
export async function deleteCollection(tx: Sql, id: string): Promise<boolean> {
  const deleted = await tables(tx)
    .deleteFrom('collections')
    .where('id', '=', id)
    .returning(['owner_id', 'position'])
    .executeTakeFirst()
  if (!deleted) return false
  await tables(tx).deleteFrom('collection_items').where('collection_id', '=', id).execute()
  await tables(tx)
    .updateTable('collections')
    .set(eb => ({ position: eb('position', '-', 1) }))
    .where('owner_id', '=', deleted.owner_id)
    .where('position', '>', deleted.position)
    .execute()
  return true
}

export async function countCollections(sql: Sql, ownerId: string): Promise<number> {
  const { count } = await tables(sql)
    .selectFrom('collections')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('owner_id', '=', ownerId)
    .executeTakeFirstOrThrow()
  return count
}

export interface CollectionQuery {
  readonly ownerIds?: readonly string[] | undefined
  /** Only those that hold one of these. */
  readonly itemIds?: readonly string[] | undefined
  /** What title or description contain. */
  readonly text?: string | undefined
  readonly reach: PrivateReach
  readonly before?: Before | undefined
  readonly limit: number
}

/** The last changed first. */
export async function listCollections(sql: Sql, query: CollectionQuery): Promise<Collection[]> {
  const { ownerIds, itemIds, text, reach, before, limit } = query
  if (ownerIds?.length === 0 || itemIds?.length === 0) return []
  let select = tables(sql)
    .selectFrom('collections')
    .selectAll()
    .where(({ eb, and, or, lit }) => {
      const among = (ids: readonly string[] | 'all') => {
        if (ids === 'all') return lit(true)
        return ids.length > 0 ? eb('owner_id', 'in', ids) : lit(false)
      }
      const own = [among(reach.namespaceIds), ...(reach.only ? [among(reach.only.namespaceIds)] : [])]
      return or([eb('is_private', '=', 0), and(own)])
    })
  if (ownerIds) select = select.where('owner_id', 'in', ownerIds)
  if (itemIds) {
    const holding = tables(sql)
      .selectFrom('collection_items')
      .select('collection_id')
      .where('item_id', 'in', itemIds)
    select = select.where('id', 'in', holding)
  }
  if (text !== undefined) select = select.where('search_text', 'like', containing(text))
  if (before) {
    select = select.where(({ eb, refTuple, tuple }) =>
      eb(refTuple('updated_at', 'id'), '<', tuple(before.at, before.id)),
    )
  }
  const rows = await select.orderBy('updated_at', 'desc').orderBy('id', 'desc').limit(limit).execute()
  return rows.map(toCollection)
}

function searchText({ title, description }: Pick<Row, 'title' | 'description'>): string {
  return `${title}\n${description ?? ''}`.toLowerCase()
}

/** `_` and `%` stand for themselves loosely: a text that has one finds a little more. */
function containing(text: string): string {
  return `%${text.toLowerCase().replace(/[%_\\]/g, '_')}%`
}

function toCollection(row: Row): Collection {
  return {
    id: row.id,
    ownerId: row.owner_id,
    title: row.title,
    description: row.description,
    isPrivate: row.is_private === 1,
    theme: row.theme,
    position: row.position,
    updatedAt: row.updated_at,
  }
}
