import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

export const gateMigrations: Record<string, Migration> = {
  '0013_gates': {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable('access_requests')
        .addColumn('id', 'text', column => column.primaryKey())
        .addColumn('repo_id', 'text', column => column.notNull())
        .addColumn('user_id', 'text', column => column.notNull())
        .addColumn('status', 'text', column => column.notNull())
        .addColumn('fields', 'text')
        .addColumn('is_by_hand', 'integer', column => column.notNull())
        .addColumn('rejection_reason', 'text')
        .addColumn('created_at', 'bigint', column => column.notNull())
        .addColumn('decided_at', 'bigint')
        .addUniqueConstraint('access_requests_of_user', ['user_id', 'repo_id'])
        .execute()
      await db.schema
        .createIndex('access_requests_of_repo')
        .on('access_requests')
        .columns(['repo_id', 'status', 'id'])
        .execute()
    },
  },
}
