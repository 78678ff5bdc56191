import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

export const discussionMigrations: Record<string, Migration> = {
  '0012_discussions': {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable('discussion_boards')
        .addColumn('repo_id', 'text', column => column.primaryKey())
        .addColumn('last_number', 'integer', column => column.notNull())
        .addColumn('is_closed', 'integer', column => column.notNull())
        .addColumn('is_closed_to_hub', 'integer', column => column.notNull())
        .execute()
      await db.schema
        .createTable('discussions')
        .addColumn('repo_id', 'text', column => column.notNull())
        .addColumn('number', 'integer', column => column.notNull())
        .addColumn('title', 'text', column => column.notNull())
        .addColumn('status', 'text', column => column.notNull())
        .addColumn('is_pull_request', 'integer', column => column.notNull())
        .addColumn('author_id', 'text')
        .addColumn('created_at', 'bigint', column => column.notNull())
        .addColumn('updated_at', 'bigint', column => column.notNull())
        .addColumn('base', 'text')
        .addColumn('merge_commit', 'text')
        .addColumn('merge_base', 'text')
        .addColumn('event_count', 'integer', column => column.notNull())
        .addColumn('text_bytes', 'bigint', column => column.notNull())
        .addColumn('brought_bytes', 'bigint', column => column.notNull())
        .addColumn('hub_subject', 'text')
        .addPrimaryKeyConstraint('discussions_primary', ['repo_id', 'number'])
        .execute()
      await db.schema
        .createIndex('discussions_by_author')
        .on('discussions')
        .columns(['repo_id', 'author_id', 'number'])
        .execute()
      await db.schema
        .createIndex('discussions_by_kind')
        .on('discussions')
        .columns(['repo_id', 'is_pull_request', 'status', 'number'])
        .execute()
      await db.schema
        .createIndex('discussions_by_subject')
        .on('discussions')
        .columns(['repo_id', 'hub_subject'])
        .unique()
        .where(sql.ref('hub_subject'), 'is not', null)
        .execute()
      await db.schema
        .createIndex('discussions_that_brought')
        .on('discussions')
        .columns(['repo_id', 'author_id', 'brought_bytes'])
        .where(sql.ref('brought_bytes'), '>', sql.lit(0))
        .execute()
      await db.schema
        .createTable('discussion_events')
        .addColumn('id', 'text', column => column.primaryKey())
        .addColumn('repo_id', 'text', column => column.notNull())
        .addColumn('number', 'integer', column => column.notNull())
        .addColumn('position', 'integer', column => column.notNull())
        .addColumn('type', 'text', column => column.notNull())
        .addColumn('author_id', 'text')
        .addColumn('created_at', 'bigint', column => column.notNull())
        .addColumn('data', 'text', column => column.notNull())
        .execute()
      await db.schema
        .createIndex('discussion_events_in_order')
        .on('discussion_events')
        .columns(['repo_id', 'number', 'position'])
        .unique()
        .execute()
      await db.schema
        .createTable('images')
        .addColumn('id', 'text', column => column.primaryKey())
        .addColumn('user_id', 'text', column => column.notNull())
        .addColumn('content_type', 'text', column => column.notNull())
        .addColumn('bytes', 'bigint', column => column.notNull())
        .addColumn('created_at', 'bigint', column => column.notNull())
        .execute()
      await db.schema.createIndex('images_by_user').on('images').columns(['user_id', 'bytes']).execute()
      await db.schema
        .createTable('image_uses')
        .addColumn('image_id', 'text', column => column.notNull())
        .addColumn('event_id', 'text', column => column.notNull())
        .addColumn('repo_id', 'text', column => column.notNull())
        .addPrimaryKeyConstraint('image_uses_primary', ['image_id', 'event_id'])
        .execute()
      await db.schema.createIndex('image_uses_by_event').on('image_uses').columns(['event_id']).execute()
      await db.schema.createIndex('image_uses_by_repo').on('image_uses').columns(['repo_id']).execute()
    },
  },
}
