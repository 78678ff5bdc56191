import { type Kysely, sql as raw } from 'kysely'
import type { Migration } from 'kysely/migration'

export const catalogMigrations: Record<string, Migration> = {
  '0006_catalog': {
    async up(sql: Kysely<unknown>) {
      await sql.schema
        .createTable('catalog')
        .addColumn('repo_id', 'text', column => column.primaryKey())
        .addColumn('type', 'text', column => column.notNull())
        .addColumn('namespace_id', 'text', column => column.notNull())
        .addColumn('namespace', 'text', column => column.notNull())
        .addColumn('name', 'text', column => column.notNull())
        .addColumn('search_name', 'text', column => column.notNull())
        .addColumn('is_private', 'integer', column => column.notNull())
        .addColumn('created_at', 'bigint', column => column.notNull())
        .addColumn('modified_at', 'bigint', column => column.notNull())
        .addColumn('commit_id', 'text')
        .addColumn('pipeline_tag', 'text')
        .addColumn('library_name', 'text')
        .addColumn('likes', 'bigint', column => column.notNull().defaultTo(0))
        .addColumn('downloads', 'bigint', column => column.notNull().defaultTo(0))
        .addColumn('trending', 'double precision', column => column.notNull().defaultTo(0))
        .execute()
      for (const column of ['modified_at', 'created_at', 'likes', 'downloads', 'trending', 'search_name']) {
        await sql.schema
          .createIndex(`catalog_by_${column}`)
          .on('catalog')
          .columns(['type', column, 'repo_id'])
          .execute()
      }
      await sql.schema
        .createIndex('catalog_by_namespace')
        .on('catalog')
        .columns(['namespace_id', 'type'])
        .execute()
      await sql.schema
        .createTable('catalog_tags')
        .addColumn('repo_id', 'text', column => column.notNull())
        .addColumn('tag', 'text', column => column.notNull())
        .addColumn('tag_key', 'text', column => column.notNull())
        .addPrimaryKeyConstraint('catalog_tags_primary', ['repo_id', 'tag_key'])
        .execute()
      await sql.schema
        .createIndex('catalog_tags_by_key')
        .on('catalog_tags')
        .columns(['tag_key', 'repo_id'])
        .execute()
    },
  },
  '0009_catalog_search': {
    async up(sql: Kysely<unknown>) {
      await sql.schema
        .createTable('catalog_suffixes')
        .addColumn('suffix', 'text', column => column.notNull())
        .addColumn('repo_id', 'text', column => column.notNull())
        .addPrimaryKeyConstraint('catalog_suffixes_primary', ['suffix', 'repo_id'])
        .execute()
      await sql.schema
        .createIndex('catalog_by_visibility')
        .on('catalog')
        .columns(['type', 'is_private', 'repo_id'])
        .execute()
      await sql.schema
        .createIndex('catalog_by_pipeline_tag')
        .on('catalog')
        .columns(['type', 'pipeline_tag', 'repo_id'])
        .execute()
      // As `suffixes.ts` has them; sorted, so that the index grows at its end.
      await raw`
        with recursive starts (start) as (
          select 1 union all
          select start + 1 from starts where start < (select max(length(search_name)) from catalog)
        )
        insert into catalog_suffixes (suffix, repo_id)
        select distinct substr(search_name, start, 12), repo_id
        from catalog, starts where start <= length(search_name)
        order by 1, 2
      `.execute(sql)
    },
  },
  '0013_catalog_gated': {
    async up(sql: Kysely<unknown>) {
      await sql.schema.alterTable('catalog').addColumn('gated', 'text').execute()
    },
  },
  '0015_catalog_texts': {
    async up(sql: Kysely<unknown>) {
      for (const name of ['parameters', 'main_size', 'used_storage']) {
        await sql.schema
          .alterTable('catalog')
          .addColumn(name, 'bigint', column => column.notNull().defaultTo(0))
          .execute()
      }
      for (const column of ['gated', 'parameters', 'main_size']) {
        await sql.schema
          .createIndex(`catalog_by_${column}`)
          .on('catalog')
          .columns(['type', column, 'repo_id'])
          .execute()
      }
      await sql.schema
        .createTable('catalog_terms')
        .addColumn('term', 'text', column => column.notNull())
        .addColumn('repo_id', 'text', column => column.notNull())
        .addPrimaryKeyConstraint('catalog_terms_primary', ['term', 'repo_id'])
        .execute()
      await sql.schema
        .createTable('catalog_texts')
        .addColumn('repo_id', 'text', column => column.primaryKey())
        .addColumn('terms', 'text', column => column.notNull())
        .execute()
      await sql.schema
        .createTable('catalog_links')
        .addColumn('repo_id', 'text', column => column.notNull())
        .addColumn('target', 'text', column => column.notNull())
        .addPrimaryKeyConstraint('catalog_links_primary', ['repo_id', 'target'])
        .execute()
      await sql.schema
        .createIndex('catalog_links_by_target')
        .on('catalog_links')
        .columns(['target', 'repo_id'])
        .execute()
      await sql.schema
        .createTable('catalog_facts')
        .addColumn('repo_id', 'text', column => column.primaryKey())
        .addColumn('commit_id', 'text', column => column.notNull())
        .addColumn('facts', 'text', column => column.notNull())
        .addColumn('siblings', 'text', column => column.notNull())
        .addColumn('size', 'bigint', column => column.notNull())
        .execute()
      // Every head is described anew, as if it had just moved.
      await raw`
        insert into jobs (id, name, payload, key, run_at, attempt)
        select 'describe-' || repo_id, 'catalog.refresh-head', '{"repoId":"' || repo_id || '"}', repo_id, 0, 0
        from catalog
        where repo_id not in (
          select key from jobs
          where name = 'catalog.refresh-head' and key is not null and lease is null and buried_at is null
        )
      `.execute(sql)
    },
  },
}
