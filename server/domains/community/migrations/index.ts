import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

export const communityMigrations: Record<string, Migration> = {
  '0014_community': {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable('likes')
        .addColumn('user_id', 'text', column => column.notNull())
        .addColumn('repo_id', 'text', column => column.notNull())
        .addColumn('is_public', 'integer', column => column.notNull())
        .addColumn('created_at', 'bigint', column => column.notNull())
        .addPrimaryKeyConstraint('likes_primary', ['user_id', 'repo_id'])
        .execute()
      await db.schema
        .createIndex('likes_of_user')
        .on('likes')
        .columns(['user_id', 'is_public', 'created_at', 'repo_id'])
        .execute()
      await db.schema
        .createIndex('likes_of_repo')
        .on('likes')
        .columns(['repo_id', 'created_at', 'user_id'])
        .execute()
      await db.schema
        .createTable('follows')
        .addColumn('follower_id', 'text', column => column.notNull())
        .addColumn('followed_id', 'text', column => column.notNull())
        .addColumn('created_at', 'bigint', column => column.notNull())
        .addPrimaryKeyConstraint('follows_primary', ['follower_id', 'followed_id'])
        .execute()
      await db.schema
        .createIndex('follows_by_follower')
        .on('follows')
        .columns(['follower_id', 'created_at', 'followed_id'])
        .execute()
      await db.schema
        .createIndex('follows_by_followed')
        .on('follows')
        .columns(['followed_id', 'created_at', 'follower_id'])
        .execute()
      await db.schema
        .createTable('collections')
        .addColumn('id', 'text', column => column.primaryKey())
        .addColumn('owner_id', 'text', column => column.notNull())
        .addColumn('title', 'text', column => column.notNull())
        .addColumn('search_text', 'text', column => column.notNull())
        .addColumn('description', 'text')
        .addColumn('is_private', 'integer', column => column.notNull())
        .addColumn('theme', 'text', column => column.notNull())
        .addColumn('position', 'integer', column => column.notNull())
        .addColumn('created_at', 'bigint', column => column.notNull())
        .addColumn('updated_at', 'bigint', column => column.notNull())
        .addUniqueConstraint('collections_of_title', ['owner_id', 'title'])
        .execute()
      await db.schema
        .createIndex('collections_of_owner')
        .on('collections')
        .columns(['owner_id', 'updated_at', 'id'])
        .execute()
      await db.schema
        .createIndex('collections_by_time')
        .on('collections')
        .columns(['updated_at', 'id'])
        .execute()
      await db.schema
        .createTable('collection_items')
        .addColumn('id', 'text', column => column.primaryKey())
        .addColumn('collection_id', 'text', column => column.notNull())
        .addColumn('type', 'text', column => column.notNull())
        .addColumn('item_id', 'text', column => column.notNull())
        .addColumn('position', 'integer', column => column.notNull())
        .addColumn('note', 'text')
        .addColumn('created_at', 'bigint', column => column.notNull())
        .addUniqueConstraint('collection_items_once', ['collection_id', 'item_id'])
        .execute()
      await db.schema
        .createIndex('collection_items_in_order')
        .on('collection_items')
        .columns(['collection_id', 'position'])
        .execute()
      await db.schema
        .createIndex('collection_items_by_item')
        .on('collection_items')
        .columns(['item_id', 'collection_id'])
        .execute()
    },
  },
}
