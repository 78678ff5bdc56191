import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

export const webhookMigrations: Record<string, Migration> = {
  '0017_webhooks': {
    async up(sql: Kysely<unknown>) {
      await sql.schema
        .createTable('webhooks')
        .addColumn('id', 'text', column => column.primaryKey())
        .addColumn('user_id', 'text', column => column.notNull())
        .addColumn('url', 'text', column => column.notNull())
        .addColumn('secret', 'text')
        .addColumn('domains', 'text', column => column.notNull())
        .addColumn('disabled', 'integer', column => column.notNull())
        .addColumn('disabled_reason', 'text')
        .addColumn('failing_since', 'bigint')
        .addColumn('failures', 'integer', column => column.notNull())
        .addColumn('retry_at', 'bigint', column => column.notNull())
        .addColumn('created_at', 'bigint', column => column.notNull())
        .execute()
      await sql.schema.createIndex('webhooks_user').on('webhooks').columns(['user_id', 'id']).execute()
      await sql.schema
        .createTable('webhook_watches')
        .addColumn('webhook_id', 'text', column => column.notNull())
        .addColumn('type', 'text', column => column.notNull())
        .addColumn('name', 'text', column => column.notNull())
        .addColumn('key', 'text', column => column.notNull())
        .addPrimaryKeyConstraint('webhook_watches_primary', ['webhook_id', 'key'])
        .execute()
      await sql.schema.createIndex('webhook_watches_key').on('webhook_watches').column('key').execute()
      await sql.schema
        .createTable('webhook_deliveries')
        .addColumn('id', 'text', column => column.primaryKey())
        .addColumn('webhook_id', 'text', column => column.notNull())
        .addColumn('action', 'text', column => column.notNull())
        .addColumn('scope', 'text', column => column.notNull())
        .addColumn('repo', 'text', column => column.notNull())
        .addColumn('payload', 'text', column => column.notNull())
        .addColumn('state', 'text', column => column.notNull())
        .addColumn('attempts', 'integer', column => column.notNull())
        .addColumn('status', 'integer')
        .addColumn('duration_ms', 'integer')
        .addColumn('error', 'text')
        .addColumn('created_at', 'bigint', column => column.notNull())
        .addColumn('sent_at', 'bigint')
        .execute()
      await sql.schema
        .createIndex('webhook_deliveries_webhook')
        .on('webhook_deliveries')
        .columns(['webhook_id', 'id'])
        .execute()
    },
  },
}
