import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

export const repoMigrations: Record<string, Migration> = {
  '0005_repos': {
    async up(sql: Kysely<unknown>) {
      await sql.schema
        .createTable('repos')
        .addColumn('id', 'text', column => column.primaryKey())
        .addColumn('type', 'text', column => column.notNull())
        .addColumn('namespace_id', 'text', column => column.notNull())
        .addColumn('namespace', 'text', column => column.notNull())
        .addColumn('name', 'text', column => column.notNull())
        .addColumn('key', 'text', column => column.notNull().unique())
        .addColumn('is_private', 'integer', column => column.notNull())
        .addColumn('created_at', 'bigint', column => column.notNull())
        .addColumn('updated_at', 'bigint', column => column.notNull())
        .execute()
      await sql.schema.createIndex('repos_namespace').on('repos').columns(['namespace_id', 'type']).execute()
      await sql.schema
        .createTable('refs')
        .addColumn('repo_id', 'text', column => column.notNull())
        .addColumn('name', 'text', column => column.notNull())
        .addColumn('oid', 'text', column => column.notNull())
        .addColumn('commit_id', 'text', column => column.notNull())
        .addColumn('updated_at', 'bigint', column => column.notNull())
        .addPrimaryKeyConstraint('refs_primary', ['repo_id', 'name'])
        .execute()
      await sql.schema
        .createTable('packs')
        .addColumn('repo_id', 'text', column => column.notNull())
        .addColumn('pack_id', 'text', column => column.notNull())
        .addColumn('bytes', 'bigint', column => column.notNull())
        .addColumn('object_count', 'integer', column => column.notNull())
        .addColumn('created_at', 'bigint', column => column.notNull())
        .addPrimaryKeyConstraint('packs_primary', ['repo_id', 'pack_id'])
        .execute()
    },
  },
}
