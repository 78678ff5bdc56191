import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

export const accountMigrations: Record<string, Migration> = {
  '0003_accounts': {
    async up(sql: Kysely<unknown>) {
      await sql.schema
        .createTable('accounts')
        .addColumn('id', 'text', column => column.primaryKey())
        .addColumn('kind', 'text', column => column.notNull())
        .addColumn('name', 'text', column => column.notNull())
        .addColumn('folded_name', 'text', column => column.notNull().unique())
        .addColumn('fullname', 'text', column => column.notNull())
        .addColumn('email', 'text')
        .addColumn('password_hash', 'text')
        .addColumn('is_admin', 'integer', column => column.notNull())
        .addColumn('private_by_default', 'integer', column => column.notNull())
        .addColumn('created_at', 'bigint', column => column.notNull())
        .addColumn('deleted_at', 'bigint')
        .execute()
      await sql.schema
        .createTable('memberships')
        .addColumn('user_id', 'text', column => column.notNull())
        .addColumn('organization_id', 'text', column => column.notNull())
        .addColumn('role', 'text', column => column.notNull())
        .addColumn('created_at', 'bigint', column => column.notNull())
        .addPrimaryKeyConstraint('memberships_primary', ['user_id', 'organization_id'])
        .execute()
      await sql.schema
        .createTable('access_tokens')
        .addColumn('id', 'text', column => column.primaryKey())
        .addColumn('user_id', 'text', column => column.notNull())
        .addColumn('name', 'text', column => column.notNull())
        .addColumn('role', 'text', column => column.notNull())
        .addColumn('hash', 'text', column => column.notNull().unique())
        .addColumn('created_at', 'bigint', column => column.notNull())
        .addColumn('last_used_at', 'bigint')
        .addColumn('expires_at', 'bigint')
        .addColumn('revoked_at', 'bigint')
        .execute()
      await sql.schema
        .createTable('token_scopes')
        .addColumn('token_id', 'text', column => column.notNull())
        .addColumn('target_kind', 'text', column => column.notNull())
        .addColumn('target_id', 'text', column => column.notNull())
        .addColumn('access', 'text', column => column.notNull())
        .addPrimaryKeyConstraint('token_scopes_primary', ['token_id', 'target_kind', 'target_id'])
        .execute()
    },
  },
  '0014_members': {
    async up(sql: Kysely<unknown>) {
      await sql.schema
        .createIndex('memberships_of_organization')
        .on('memberships')
        .columns(['organization_id', 'user_id'])
        .execute()
    },
  },
}
