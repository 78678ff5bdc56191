import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

export const lineageMigrations: Record<string, Migration> = {
  '0031_lineage': {
    async up(sql: Kysely<unknown>) {
      await sql.schema
        .createTable('lineage_state')
        .addColumn('id', 'integer', column => column.primaryKey())
        .addColumn('version', 'bigint', column => column.notNull())
        .execute()
      const states = sql as Kysely<{ lineage_state: { id: number; version: number } }>
      await states.insertInto('lineage_state').values({ id: 1, version: 0 }).execute()
      await sql.schema
        .createTable('lineage_members')
        .addColumn('repo_id', 'text', column => column.primaryKey())
        .addColumn('sketch_key', 'text')
        .addColumn('commit_id', 'text', column => column.notNull())
        .addColumn('ordered_at', 'bigint', column => column.notNull())
        .addColumn('family_id', 'text')
        .addColumn('own_family', 'text', column => column.notNull())
        .addColumn('generation', 'integer', column => column.notNull())
        .addColumn('is_private', 'integer', column => column.notNull())
        .addColumn('is_gone', 'integer', column => column.notNull())
        .addColumn('name', 'text')
        .addColumn('code', 'bytea')
        .addColumn('version', 'bigint', column => column.notNull())
        .execute()
      const index = (name: string, table: string, columns: string[]) =>
        sql.schema.createIndex(name).on(table).columns(columns).execute()
      await index('lineage_members_family', 'lineage_members', ['family_id', 'ordered_at', 'repo_id'])
      await index('lineage_members_own', 'lineage_members', ['own_family'])
      await index('lineage_members_version', 'lineage_members', ['version', 'repo_id'])
      await index('lineage_members_order', 'lineage_members', ['ordered_at', 'repo_id'])
      await index('lineage_members_sketch', 'lineage_members', ['sketch_key'])
      await sql.schema
        .createTable('lineage_edges')
        .addColumn('child_id', 'text', column => column.notNull())
        .addColumn('parent_id', 'text', column => column.notNull())
        .addColumn('position', 'integer', column => column.notNull())
        .addColumn('relation', 'text', column => column.notNull())
        .addColumn('score', 'double precision', column => column.notNull())
        .addColumn('evidence', 'text', column => column.notNull())
        .addPrimaryKeyConstraint('lineage_edges_primary', ['child_id', 'parent_id'])
        .execute()
      await index('lineage_edges_parent', 'lineage_edges', ['parent_id', 'child_id'])
      await sql.schema
        .createTable('lineage_links')
        .addColumn('member_id', 'text', column => column.notNull())
        .addColumn('other_id', 'text', column => column.notNull())
        .addPrimaryKeyConstraint('lineage_links_primary', ['member_id', 'other_id'])
        .execute()
      await index('lineage_links_other', 'lineage_links', ['other_id'])
      await sql.schema
        .createTable('lineage_declared')
        .addColumn('repo_id', 'text', column => column.notNull())
        .addColumn('position', 'integer', column => column.notNull())
        .addColumn('name', 'text', column => column.notNull())
        .addColumn('name_key', 'text', column => column.notNull())
        .addColumn('relation', 'text')
        .addColumn('sources', 'text', column => column.notNull())
        .addColumn('base_id', 'text')
        .addColumn('verdict', 'text', column => column.notNull())
        .addColumn('reason', 'text', column => column.notNull())
        .addColumn('nearest_id', 'text')
        .addColumn('evidence', 'text')
        .addPrimaryKeyConstraint('lineage_declared_primary', ['repo_id', 'position'])
        .execute()
      await index('lineage_declared_base', 'lineage_declared', ['base_id'])
      await index('lineage_declared_name', 'lineage_declared', ['name_key'])
      await sql.schema
        .createTable('lineage_families')
        .addColumn('id', 'text', column => column.primaryKey())
        .addColumn('members', 'integer', column => column.notNull())
        .execute()
      await index('lineage_families_members', 'lineage_families', ['members', 'id'])
    },
  },
}
