import type { Sql } from '../../ports/database.ts'
import type { WebhookTables } from './tables.ts'

/** The only SQL of this domain. */

export type WebhookRow = WebhookTables['webhooks']
export type Watch = Pick<WebhookTables['webhook_watches'], 'type' | 'name' | 'key'>
export type DeliveryRow = WebhookTables['webhook_deliveries']

const tables = (sql: Sql) => sql.withTables<WebhookTables>()

export async function insertWebhook(tx: Sql, row: WebhookRow): Promise<void> {
  await tables(tx).insertInto('webhooks').values(row).execute()
}

export async function updateWebhook(tx: Sql, id: string, change: Partial<WebhookRow>): Promise<void> {
  await tables(tx).updateTable('webhooks').set(change).where('id', '=', id).execute()
}

export async function deleteWebhook(tx: Sql, id: string): Promise<void> {
  await tables(tx).deleteFrom('webhook_deliveries').where('webhook_id', '=', id).execute()
  await tables(tx).deleteFrom('webhook_watches').where('webhook_id', '=', id).execute()
  await tables(tx).deleteFrom('webhooks').where('id', '=', id).execute()
}

export async function webhookById(sql: Sql, id: string): Promise<WebhookRow | undefined> {
  return await tables(sql).selectFrom('webhooks').selectAll().where('id', '=', id).executeTakeFirst()
}

/** At most as many as a user may have. */
export async function webhooksOf(sql: Sql, userId: string): Promise<WebhookRow[]> {
  return await tables(sql)
    .selectFrom('webhooks')
    .selectAll()
    .where('user_id', '=', userId)
    .orderBy('id')
    .execute()
}

export async function replaceWatches(tx: Sql, webhookId: string, watches: readonly Watch[]): Promise<void> {
  await tables(tx).deleteFrom('webhook_watches').where('webhook_id', '=', webhookId).execute()
  if (watches.length === 0) return
  const rows = watches.map(watch => ({ webhook_id: webhookId, ...watch }))
  await tables(tx).insertInto('webhook_watches').values(rows).execute()
}

export async function watchesOf(sql: Sql, webhookIds: readonly string[]): Promise<Map<string, Watch[]>> {
  const found = new Map<string, Watch[]>(webhookIds.map(id => [id, []]))
  if (webhookIds.length === 0) return found
  const rows = await tables(sql)
    .selectFrom('webhook_watches')
    .selectAll()
    .where('webhook_id', 'in', webhookIds)
    .orderBy('key')
    .execute()
  for (const { webhook_id, ...watch } of rows) found.get(webhook_id)?.push(watch)
  return found
}

/** A repository has another name now: who watched it goes on doing so. */
export async function renameWatched(tx: Sql, from: string, to: Pick<Watch, 'name' | 'key'>): Promise<void> {
  // A webhook may watch the new name already.
  await tables(tx)
    .deleteFrom('webhook_watches')
    .where('key', '=', from)
    .where('webhook_id', 'in', rows =>
      rows.selectFrom('webhook_watches').select('webhook_id').where('key', '=', to.key),
    )
    .execute()
  await tables(tx).updateTable('webhook_watches').set(to).where('key', '=', from).execute()
}

export async function isAnyEnabled(tx: Sql): Promise<boolean> {
  const row = await tables(tx)
    .selectFrom('webhooks')
    .select('id')
    .where('disabled', '=', 0)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

/** Enabled ones that watch one of these. */
export async function webhooksWatching(sql: Sql, keys: readonly string[]): Promise<WebhookRow[]> {
  return await tables(sql)
    .selectFrom('webhooks as w')
    .selectAll('w')
    .where('w.disabled', '=', 0)
    .where('w.id', 'in', from =>
      from.selectFrom('webhook_watches').select('webhook_id').where('key', 'in', keys),
    )
    .orderBy('w.id')
    .execute()
}

export async function insertDelivery(tx: Sql, row: DeliveryRow): Promise<void> {
  await tables(tx).insertInto('webhook_deliveries').values(row).execute()
}

/** Forgets the oldest of a webhook beyond `kept`. */
export async function pruneDeliveries(tx: Sql, webhookId: string, kept: number): Promise<void> {
  await tables(tx)
    .deleteFrom('webhook_deliveries')
    .where('webhook_id', '=', webhookId)
    .where('id', '<=', from =>
      from
        .selectFrom('webhook_deliveries as d')
        .select('d.id')
        .where('d.webhook_id', '=', webhookId)
        .orderBy('d.id', 'desc')
        .limit(1)
        .offset(kept),
    )
    .execute()
}

export async function deliveryById(sql: Sql, id: string): Promise<DeliveryRow | undefined> {
  return await tables(sql)
    .selectFrom('webhook_deliveries')
    .selectAll()
    .where('id', '=', id)
    .executeTakeFirst()
}

export async function updateDelivery(tx: Sql, id: string, change: Partial<DeliveryRow>): Promise<void> {
  await tables(tx).updateTable('webhook_deliveries').set(change).where('id', '=', id).execute()
}

export async function deleteDelivery(tx: Sql, id: string): Promise<void> {
  await tables(tx).deleteFrom('webhook_deliveries').where('id', '=', id).execute()
}

/** Newest first, those before `before`. */
export async function deliveriesOf(
  sql: Sql,
  webhookId: string,
  page: { before?: string | undefined; limit: number },
): Promise<Omit<DeliveryRow, 'payload' | 'repo'>[]> {
  return await tables(sql)
    .selectFrom('webhook_deliveries')
    .select(['id', 'webhook_id', 'action', 'scope', 'state', 'attempts', 'status', 'duration_ms', 'error'])
    .select(['created_at', 'sent_at'])
    .where('webhook_id', '=', webhookId)
    .$if(page.before !== undefined, query => query.where('id', '<', page.before ?? ''))
    .orderBy('id', 'desc')
    .limit(page.limit)
    .execute()
}
