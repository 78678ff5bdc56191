import type { Sql } from '../../ports/database.ts'
import type { CommunityTables } from './tables.ts'

/** SQL about items of collections. Writers hold the collection's row. */

export type Item = CommunityTables['collection_items']

const items = (sql: Sql) => sql.withTables<CommunityTables>()

/** In order of their places; only those before `end` when it is given. */
export async function itemsOf(
  sql: Sql,
  collectionIds: readonly string[],
  end: number | undefined,
): Promise<Item[]> {
  if (collectionIds.length === 0) return []
  let select = items(sql)
    .selectFrom('collection_items')
    .selectAll()
    .where('collection_id', 'in', collectionIds)
  if (end !== undefined) select = select.where('position', '<', end)
  return await select.orderBy('collection_id').orderBy('position').execute()
}

export async function itemById(sql: Sql, collectionId: string, id: string): Promise<Item | undefined> {
  return await items(sql)
    .selectFrom('collection_items')
    .selectAll()
    .where('id', '=', id)
    .where('collection_id', '=', collectionId)
    .executeTakeFirst()
}

export async function countItems(sql: Sql, collectionId: string): Promise<number> {
  const { count } = await items(sql)
    .selectFrom('collection_items')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('collection_id', '=', collectionId)
    .executeTakeFirstOrThrow()
  return count
}

/** False when the collection has it already. */
export async function insertItem(tx: Sql, item: Item): Promise<boolean> {
  const inserted = await items(tx)
    .insertInto('collection_items')
    .values(item)
    .onConflict(conflict => conflict.columns(['collection_id', 'item_id']).doNothing())
    .executeTakeFirst()
  return Number(inserted.numInsertedOrUpdatedRows ?? 0) === 1
}

export async function setNote(tx: Sql, id: string, note: string | null): Promise<void> {
  await items(tx).updateTable('collection_items').set({ note }).where('id', '=', id).execute()
}

/** Gives it another place, and the others theirs. */
export async function moveItem(
  tx: Sql,
  { id, collection_id, position: from }: Item,
  to: number,
): Promise<void> {
  const others = items(tx).updateTable('collection_items').where('collection_id', '=', collection_id)
  await (to > from
    ? others
        .set(eb => ({ position: eb('position', '-', 1) }))
        .where('position', '>', from)
        .where('position', '<=', to)
    : others
        .set(eb => ({ position: eb('position', '+', 1) }))
        .where('position', '>=', to)
        .where('position', '<', from)
  ).execute()
  await items(tx).updateTable('collection_items').set({ position: to }).where('id', '=', id).execute()
}

export async function deleteItem(tx: Sql, { id, collection_id, position }: Item): Promise<void> {
  await items(tx).deleteFrom('collection_items').where('id', '=', id).execute()
  await items(tx)
    .updateTable('collection_items')
    .set(eb => ({ position: eb('position', '-', 1) }))
    .where('collection_id', '=', collection_id)
    .where('position', '>', position)
    .execute()
}

/** A repository or collection is gone: it leaves every collection, and those after it move up. */
export async function deleteItemEverywhere(tx: Sql, itemId: string): Promise<void> {
  const db = items(tx)
  const holding = db.selectFrom('collection_items').select('collection_id').where('item_id', '=', itemId)
  await db
    .updateTable('collections')
    .set(eb => ({ updated_at: eb.ref('updated_at') }))
    .where('id', 'in', holding)
    .execute()
  await db
    .updateTable('collection_items')
    .set(eb => ({ position: eb('position', '-', 1) }))
    .where('collection_id', 'in', holding)
    .where(eb =>
      eb.exists(
        eb
          .selectFrom('collection_items as gone')
          .select('gone.id')
          .whereRef('gone.collection_id', '=', 'collection_items.collection_id')
          .whereRef('gone.position', '<', 'collection_items.position')
          .where('gone.item_id', '=', itemId),
      ),
    )
    .execute()
  await db.deleteFrom('collection_items').where('item_id', '=', itemId).execute()
}
