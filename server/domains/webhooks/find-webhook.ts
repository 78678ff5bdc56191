import type { User } from '../../kernel/actor.ts'
import type { Sql } from '../../ports/database.ts'
import { WebhookNotFound } from './errors.ts'
import { type WebhookRow, webhookById } from './store.ts'

/** One of the user's own; throws WebhookNotFound for all others. */
export async function findWebhook(sql: Sql, user: User, id: string): Promise<WebhookRow> {
  const row = await webhookById(sql, id)
  if (row?.user_id !== user.id) throw new WebhookNotFound('webhook', id)
  return row
}
