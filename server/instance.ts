import { randomBytes } from 'node:crypto'
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Database } from './ports/database.ts'

type InstanceTables = {
  instance: { key: string; value: string }
}

/** What makes this hub this hub. */
export const instanceMigrations: Record<string, Migration> = {
  '0002_instance': {
    async up(sql: Kysely<unknown>) {
      await sql.schema
        .createTable('instance')
        .addColumn('key', 'text', column => column.primaryKey())
        .addColumn('value', 'text', column => column.notNull())
        .execute()
    },
  },
}

/** The secret behind signed URLs and CAS tokens: made at the first start, the same on every node. 32 bytes. */
export async function instanceSecret(database: Database): Promise<Uint8Array> {
  const sql = database.sql.withTables<InstanceTables>()
  await sql
    .insertInto('instance')
    .values({ key: 'secret', value: randomBytes(32).toString('hex') })
    .onConflict(conflict => conflict.column('key').doNothing())
    .execute()
  const row = await sql
    .selectFrom('instance')
    .select('value')
    .where('key', '=', 'secret')
    .executeTakeFirstOrThrow()
  return Buffer.from(row.value, 'hex')
}
