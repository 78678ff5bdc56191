import type { Sql } from '../../ports/database.ts'
import type { DiscussionTables } from './tables.ts'

/** SQL about uploaded images, and which events show them. */

export type Image = DiscussionTables['images']

const tables = (sql: Sql) => sql.withTables<DiscussionTables>()

export async function insertImage(sql: Sql, image: Image): Promise<void> {
  await tables(sql).insertInto('images').values(image).execute()
}

export async function findImage(sql: Sql, id: string): Promise<Image | undefined> {
  return await tables(sql).selectFrom('images').selectAll().where('id', '=', id).executeTakeFirst()
}

/** How many bytes a user has uploaded. */
export async function imageBytesOf(sql: Sql, userId: string): Promise<number> {
  const row = await tables(sql)
    .selectFrom('images')
    .select(eb => eb.fn.coalesce(eb.fn.sum<number>('bytes'), eb.lit(0)).as('bytes'))
    .where('user_id', '=', userId)
    .executeTakeFirstOrThrow()
  return row.bytes
}

/** Records that an event shows these images; those that are not there are left out. */
export async function useImages(
  tx: Sql,
  repoId: string,
  eventId: string,
  ids: readonly string[],
): Promise<void> {
  if (ids.length === 0) return
  // Written without a change: collection, which writes it too, waits, or has removed it before.
  const found = await tables(tx)
    .updateTable('images')
    .set(eb => ({ bytes: eb.ref('bytes') }))
    .where('id', 'in', ids.slice(0, mostImages))
    .returning('id')
    .execute()
  if (found.length === 0) return
  await tables(tx)
    .insertInto('image_uses')
    .values(found.map(({ id }) => ({ image_id: id, event_id: eventId, repo_id: repoId })))
    .onConflict(conflict => conflict.doNothing())
    .execute()
}

/** A comment of 64 KiB could name more; those beyond are collected. */
const mostImages = 500

export async function forgetUses(tx: Sql, eventId: string): Promise<void> {
  await tables(tx).deleteFrom('image_uses').where('event_id', '=', eventId).execute()
}

/** Images after `last` that were uploaded at `before` or earlier and that no event shows. */
export async function pageOfUnused(sql: Sql, last: string, before: number): Promise<Image[]> {
  return await tables(sql)
    .selectFrom('images')
    .selectAll()
    .where('id', '>', last)
    .where('created_at', '<=', before)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(selectFrom('image_uses').select('event_id').whereRef('image_uses.image_id', '=', 'images.id')),
      ),
    )
    .orderBy('id')
    .limit(500)
    .execute()
}

/** Forgets those of `ids` that no event shows still. Returns them. */
export async function deleteUnused(tx: Sql, ids: readonly string[]): Promise<string[]> {
  await tables(tx)
    .updateTable('images')
    .set(eb => ({ bytes: eb.ref('bytes') }))
    .where('id', 'in', ids)
    .execute()
  const rows = await tables(tx)
    .deleteFrom('images')
    .where('id', 'in', ids)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(selectFrom('image_uses').select('event_id').whereRef('image_uses.image_id', '=', 'images.id')),
      ),
    )
    .returning('id')
    .execute()
  return rows.map(row => row.id)
}

/** Those of `ids` that are known. */
export async function findImages(sql: Sql, ids: readonly string[]): Promise<Set<string>> {
  const rows = await tables(sql).selectFrom('images').select('id').where('id', 'in', ids).execute()
  return new Set(rows.map(row => row.id))
}
