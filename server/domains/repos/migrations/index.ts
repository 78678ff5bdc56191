import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

export const repoMigrations: Record<string, Migration> = {
  '0005_repos': {
    async up(db: Kysely<unknown>) {
      await db.schema
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
      await db.schema.createIndex('repos_namespace').on('repos').columns(['namespace_id', 'type']).execute()
      await db.schema
        .createTable('refs')
        .addColumn('repo_id', 'text', column => column.notNull())
        .addColumn('name', 'text', column => column.notNull())
        .addColumn('oid', 'text', column => column.notNull())
        .addColumn('commit_id', 'text', column => column.notNull())
        .addColumn('updated_at', 'bigint', column => column.notNull())
        .addPrimaryKeyConstraint('refs_primary', ['repo_id', 'name'])
        .execute()
      await db.schema
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
  '0008_retired_packs': {
    async up(db: Kysely<unknown>) {
      await db.schema.alterTable('packs').addColumn('retired_at', 'bigint').execute()
      await db.schema.alterTable('packs').addColumn('removal', 'text').execute()
      await db.schema.alterTable('packs').addColumn('removed_at', 'bigint').execute()
      await db.schema
        .createIndex('packs_counting')
        .on('packs')
        .columns(['repo_id', 'created_at', 'pack_id'])
        .where(sql.ref('retired_at'), 'is', null)
        .execute()
      await db.schema
        .createIndex('packs_retired')
        .on('packs')
        .columns(['repo_id', 'pack_id'])
        .where(sql.ref('retired_at'), 'is not', null)
        .execute()
    },
  },
  '0011_moves': {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable('repo_redirects')
        .addColumn('key', 'text', column => column.primaryKey())
        .addColumn('repo_id', 'text', column => column.notNull())
        .execute()
      await db.schema.createIndex('repo_redirects_by_repo').on('repo_redirects').column('repo_id').execute()
      await db.schema
        .createTable('lfs_files')
        .addColumn('repo_id', 'text', column => column.notNull())
        .addColumn('sha256', 'text', column => column.notNull())
        .addColumn('path', 'text', column => column.notNull())
        .addColumn('ref', 'text', column => column.notNull())
        .addPrimaryKeyConstraint('lfs_files_primary', ['repo_id', 'sha256'])
        .execute()
    },
  },
  '0013_gated_repos': {
    async up(db: Kysely<unknown>) {
      await db.schema.alterTable('repos').addColumn('gated', 'text').execute()
    },
  },
}
