import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

export const blobMigrations: Record<string, Migration> = {
  '0004_blobs': {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable('xorbs')
        .addColumn('hash', 'text', column => column.primaryKey())
        .addColumn('chunk_count', 'integer', column => column.notNull())
        .addColumn('raw_bytes', 'bigint', column => column.notNull())
        .addColumn('frames_bytes', 'bigint', column => column.notNull())
        .addColumn('object_bytes', 'bigint', column => column.notNull())
        .addColumn('uploaded_for', 'text', column => column.notNull())
        .addColumn('created_at', 'bigint', column => column.notNull())
        .addColumn('unreferenced_since', 'bigint')
        .addColumn('doomed_at', 'bigint')
        .execute()
      await db.schema
        .createTable('files')
        .addColumn('hash', 'text', column => column.primaryKey())
        .addColumn('sha256', 'text')
        .addColumn('size', 'bigint', column => column.notNull())
        .addColumn('terms', 'bytea', column => column.notNull())
        .addColumn('created_at', 'bigint', column => column.notNull())
        .execute()
      await db.schema
        .createTable('file_xorbs')
        .addColumn('file_hash', 'text', column => column.notNull())
        .addColumn('xorb_hash', 'text', column => column.notNull())
        .addPrimaryKeyConstraint('file_xorbs_primary', ['file_hash', 'xorb_hash'])
        .execute()
      await db.schema
        .createIndex('file_xorbs_by_xorb')
        .on('file_xorbs')
        .columns(['xorb_hash', 'file_hash'])
        .execute()
      await db.schema
        .createTable('chunk_index')
        .addColumn('chunk_hash', 'text', column => column.notNull())
        .addColumn('xorb_hash', 'text', column => column.notNull())
        .addColumn('position', 'integer', column => column.notNull())
        .addPrimaryKeyConstraint('chunk_index_primary', ['chunk_hash', 'xorb_hash'])
        .execute()
      await db.schema.createIndex('chunk_index_by_xorb').on('chunk_index').column('xorb_hash').execute()
      await db.schema
        .createTable('holdings')
        .addColumn('holder', 'text', column => column.notNull())
        .addColumn('sha256', 'text', column => column.notNull())
        .addColumn('file_hash', 'text', column => column.notNull())
        .addColumn('committed_at', 'bigint')
        .addColumn('created_at', 'bigint', column => column.notNull())
        .addPrimaryKeyConstraint('holdings_primary', ['holder', 'sha256'])
        .execute()
      await db.schema
        .createIndex('holdings_by_file')
        .on('holdings')
        .columns(['file_hash', 'holder'])
        .execute()
      await db.schema.createIndex('holdings_by_sha256').on('holdings').column('sha256').execute()
      await db.schema
        .createTable('uploads')
        .addColumn('id', 'text', column => column.primaryKey())
        .addColumn('holder', 'text', column => column.notNull())
        .addColumn('sha256', 'text', column => column.notNull())
        .addColumn('size', 'bigint', column => column.notNull())
        .addColumn('part_size', 'bigint', column => column.notNull())
        .addColumn('touched_at', 'bigint', column => column.notNull())
        .addColumn('completed_at', 'bigint')
        .execute()
    },
  },
  '0008_xorb_removals': {
    async up(db: Kysely<unknown>) {
      await db.schema.alterTable('xorbs').addColumn('removal', 'text').execute()
    },
  },
  '0019_damaged_xorbs': {
    async up(db: Kysely<unknown>) {
      await db.schema.alterTable('xorbs').addColumn('damaged_at', 'bigint').execute()
      await db.schema
        .createIndex('xorbs_damaged')
        .on('xorbs')
        .column('hash')
        .where(sql.ref('damaged_at'), 'is not', null)
        .execute()
    },
  },
}
