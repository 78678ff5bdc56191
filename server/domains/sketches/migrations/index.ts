import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

export const sketchMigrations: Record<string, Migration> = {
  '0030_sketches': {
    async up(sql: Kysely<unknown>) {
      await sql.schema
        .createTable('sketches')
        .addColumn('key', 'text', column => column.primaryKey())
        .addColumn('format', 'text', column => column.notNull())
        .addColumn('parameters', 'bigint', column => column.notNull())
        .addColumn('tokenizer_hash', 'text')
        .addColumn('findings', 'text', column => column.notNull())
        .addColumn('claims', 'text', column => column.notNull())
        .addColumn('bytes', 'bigint', column => column.notNull())
        .addColumn('created_at', 'bigint', column => column.notNull())
        .execute()
      await sql.schema
        .createTable('model_heads')
        .addColumn('repo_id', 'text', column => column.primaryKey())
        .addColumn('moved_at', 'bigint', column => column.notNull())
        .addColumn('status', 'text', column => column.notNull())
        .addColumn('commit_id', 'text')
        .addColumn('sketch_key', 'text')
        .addColumn('arrived_at', 'bigint')
        .addColumn('findings', 'text')
        .execute()
      await sql.schema.createIndex('model_heads_sketch').on('model_heads').column('sketch_key').execute()
    },
  },
}
