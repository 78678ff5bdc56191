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
  '0016_sessions': {
    async up(sql: Kysely<unknown>) {
      await sql.schema.alterTable('access_tokens').addColumn('made_by', 'text').execute()
      await sql.schema
        .createIndex('access_tokens_user')
        .on('access_tokens')
        .columns(['user_id', 'id'])
        .execute()
      await sql.schema.createIndex('access_tokens_maker').on('access_tokens').column('made_by').execute()
      await sql.schema
        .createTable('sessions')
        .addColumn('id', 'text', column => column.primaryKey())
        .addColumn('user_id', 'text', column => column.notNull())
        .addColumn('hash', 'text', column => column.notNull().unique())
        .addColumn('user_agent', 'text', column => column.notNull())
        .addColumn('created_at', 'bigint', column => column.notNull())
        .addColumn('last_used_at', 'bigint', column => column.notNull())
        .execute()
      await sql.schema.createIndex('sessions_user').on('sessions').columns(['user_id', 'id']).execute()
      await sql.schema.createIndex('sessions_used').on('sessions').column('last_used_at').execute()
      await sql.schema
        .createTable('device_codes')
        .addColumn('hash', 'text', column => column.primaryKey())
        .addColumn('user_code_hash', 'text', column => column.notNull().unique())
        .addColumn('client_id', 'text', column => column.notNull())
        .addColumn('user_agent', 'text', column => column.notNull())
        .addColumn('created_at', 'bigint', column => column.notNull())
        .addColumn('expires_at', 'bigint', column => column.notNull())
        .addColumn('interval_ms', 'integer', column => column.notNull())
        .addColumn('last_polled_at', 'bigint')
        .addColumn('user_id', 'text')
        .addColumn('role', 'text')
        .addColumn('answer', 'text')
        .execute()
      await sql.schema.createIndex('device_codes_end').on('device_codes').column('expires_at').execute()
      await sql.schema
        .createTable('refresh_tokens')
        .addColumn('id', 'text', column => column.primaryKey())
        .addColumn('user_id', 'text', column => column.notNull())
        .addColumn('client_id', 'text', column => column.notNull())
        .addColumn('hash', 'text', column => column.notNull().unique())
        .addColumn('previous_hash', 'text', column => column.unique())
        .addColumn('token_id', 'text', column => column.notNull())
        .addColumn('refreshed_at', 'bigint', column => column.notNull())
        .execute()
      await sql.schema
        .createIndex('refresh_tokens_used')
        .on('refresh_tokens')
        .column('refreshed_at')
        .execute()
    },
  },
  '0018_authorization_codes': {
    async up(sql: Kysely<unknown>) {
      await sql.schema
        .createTable('authorization_codes')
        .addColumn('hash', 'text', column => column.primaryKey())
        .addColumn('user_id', 'text', column => column.notNull())
        .addColumn('client_id', 'text', column => column.notNull())
        .addColumn('redirect_uri', 'text', column => column.notNull())
        .addColumn('code_challenge', 'text', column => column.notNull())
        .addColumn('scope', 'text', column => column.notNull())
        .addColumn('expires_at', 'bigint', column => column.notNull())
        .execute()
      await sql.schema
        .createIndex('authorization_codes_end')
        .on('authorization_codes')
        .column('expires_at')
        .execute()
    },
  },
}
