import type { Sql } from '../../ports/database.ts'
import type { SketchTables } from './tables.ts'

/** The only SQL of this domain. */

const tables = (sql: Sql) => sql.withTables<SketchTables>()

export type HeadRow = SketchTables['model_heads']
export type SketchRow = SketchTables['sketches']

/** Its default branch has moved: what is known of it is old. */
export async function markMoved(tx: Sql, repoId: string, now: number): Promise<void> {
  const moved = { moved_at: now, status: 'waiting' } as const
  await tables(tx)
    .insertInto('model_heads')
    .values({
      ...{ repo_id: repoId, ...moved },
      ...{ commit_id: null, sketch_key: null, arrived_at: null, findings: null },
    })
    .onConflict(conflict => conflict.column('repo_id').doUpdateSet(moved))
    .execute()
}

export async function removeHead(tx: Sql, repoId: string): Promise<void> {
  await tables(tx).deleteFrom('model_heads').where('repo_id', '=', repoId).execute()
}

export async function findHead(sql: Sql, repoId: string): Promise<HeadRow | undefined> {
  return await tables(sql)
    .selectFrom('model_heads')
    .selectAll()
    .where('repo_id', '=', repoId)
    .executeTakeFirst()
}

/** False when it has moved since `movedAt`, or is gone. */
export async function saveHead(
  tx: Sql,
  repoId: string,
  movedAt: number,
  head: Omit<HeadRow, 'repo_id' | 'moved_at'>,
): Promise<boolean> {
  const saved = await tables(tx)
    .updateTable('model_heads')
    .set(head)
    .where('repo_id', '=', repoId)
    .where('moved_at', '=', movedAt)
    .executeTakeFirst()
  return Number(saved.numUpdatedRows) > 0
}

export async function findSketch(sql: Sql, key: string): Promise<SketchRow | undefined> {
  return await tables(sql).selectFrom('sketches').selectAll().where('key', '=', key).executeTakeFirst()
}

/** Written also when it is there, so that collection waits for this transaction or finds its work done. */
export async function saveSketch(tx: Sql, row: SketchRow): Promise<void> {
  await tables(tx)
    .insertInto('sketches')
    .values(row)
    .onConflict(conflict => conflict.column('key').doUpdateSet({ created_at: row.created_at }))
    .execute()
}

/** A page of keys after `last`, of sketches that were made before `before`. */
export async function pageOfKeys(sql: Sql, last: string, before: number): Promise<string[]> {
  const rows = await tables(sql)
    .selectFrom('sketches')
    .select('key')
    .where('key', '>', last)
    .where('created_at', '<', before)
    .orderBy('key')
    .limit(500)
    .execute()
  return rows.map(({ key }) => key)
}

/** Those of `keys` that a default branch has. */
export async function usedKeys(sql: Sql, keys: readonly string[]): Promise<Set<string>> {
  const rows = await tables(sql)
    .selectFrom('model_heads')
    .select('sketch_key')
    .where('sketch_key', 'in', keys)
    .execute()
  return new Set(rows.map(({ sketch_key }) => sketch_key as string))
}

export async function knownKeys(sql: Sql, keys: readonly string[]): Promise<Set<string>> {
  const rows = await tables(sql).selectFrom('sketches').select('key').where('key', 'in', keys).execute()
  return new Set(rows.map(({ key }) => key))
}

/** Deletes those that no default branch has and that were made before `before`; returns which. */
export async function deleteUnused(tx: Sql, keys: readonly string[], before: number): Promise<string[]> {
  if (keys.length === 0) return []
  const rows = await tables(tx)
    .deleteFrom('sketches')
    .where('key', 'in', keys)
    .where('created_at', '<', before)
    .where(({ not, exists, selectFrom }) =>
      not(exists(selectFrom('model_heads').select('repo_id').whereRef('sketch_key', '=', 'sketches.key'))),
    )
    .returning('key')
    .execute()
  return rows.map(({ key }) => key)
}
