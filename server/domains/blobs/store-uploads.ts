import type { Sql } from '../../ports/database.ts'
import type { BlobTables, UploadsTable } from './tables.ts'

/** SQL about multipart uploads. */

const tables = (sql: Sql) => sql.withTables<BlobTables>()

export async function insertUpload(sql: Sql, upload: UploadsTable): Promise<void> {
  await tables(sql).insertInto('uploads').values(upload).execute()
}

/** The upload, noted as alive at `now`. */
export async function touchUpload(sql: Sql, id: string, now: number): Promise<UploadsTable | undefined> {
  return await tables(sql)
    .updateTable('uploads')
    .set({ touched_at: now })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirst()
}

export async function completeUpload(sql: Sql, id: string, now: number): Promise<void> {
  await tables(sql).updateTable('uploads').set({ completed_at: now }).where('id', '=', id).execute()
}

/** Uploads that nothing has happened to since `before`. */
export async function findStaleUploads(sql: Sql, before: number): Promise<UploadsTable[]> {
  return await tables(sql).selectFrom('uploads').selectAll().where('touched_at', '<', before).execute()
}

/** Deletes the row if it is still stale. */
export async function deleteStaleUpload(sql: Sql, id: string, before: number): Promise<boolean> {
  const result = await tables(sql)
    .deleteFrom('uploads')
    .where('id', '=', id)
    .where('touched_at', '<', before)
    .executeTakeFirst()
  return result.numDeletedRows > 0n
}
