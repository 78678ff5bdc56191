import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

export const blobMigrations: Record<string, Migration> = {
  '0004_blobs': {
    async up(sql: Kysely<unknown>) {
      await sql.schema
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
      await sql.schema
        .createTable('files')
        .addColumn('hash', 'text', column => column.primaryKey())
        .addColumn('sha256', 'text')
        .addColumn('size', 'bigint', column => column.notNull())
        .addColumn('terms', 'bytea', column => column.notNull())
        .addColumn('created_at', 'bigint', column => column.notNull())
        .execute()
      await sql.schema
        .createTable('file_xorbs')
        .addColumn('file_hash', 'text', column => column.notNull())
        .addColumn('xorb_hash', 'text', column => column.notNull())
        .addPrimaryKeyConstraint('file_xorbs_primary', ['file_hash', 'xorb_hash'])
        .execute()
      await sql.schema
        .createIndex('file_xorbs_by_xorb')
        .on('file_xorbs')
        .columns(['xorb_hash', 'file_hash'])
        .execute()
      await sql.schema
        .createTable('chunk_index')
        .addColumn('chunk_hash', 'text', column => column.notNull())
        .addColumn('xorb_hash', 'text', column => column.notNull())
        .addColumn('position', 'integer', column => column.notNull())
        .addPrimaryKeyConstraint('chunk_index_primary', ['chunk_hash', 'xorb_hash'])
        .execute()
      await sql.schema.createIndex('chunk_index_by_xorb').on('chunk_index').column('xorb_hash').execute()
      await sql.schema
        .createTable('holdings')
        .addColumn('holder', 'text', column => column.notNull())
        .addColumn('sha256', 'text', column => column.notNull())
        .addColumn('file_hash', 'text', column => column.notNull())
        .addColumn('committed_at', 'bigint')
        .addColumn('created_at', 'bigint', column => column.notNull())
        .addPrimaryKeyConstraint('holdings_primary', ['holder', 'sha256'])
        .execute()
      await sql.schema
        .createIndex('holdings_by_file')
        .on('holdings')
        .columns(['file_hash', 'holder'])
        .execute()
      await sql.schema.createIndex('holdings_by_sha256').on('holdings').column('sha256').execute()
      await sql.schema
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
    async up(sql: Kysely<unknown>) {
      await sql.schema.alterTable('xorbs').addColumn('removal', 'text').execute()
    },
  },
}
