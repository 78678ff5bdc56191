import type { JobHandler } from '../../ports/queue.ts'
import { mayKnow, type WebhookParts } from './parts.ts'
import { type Attempt, sendPayload } from './send-payload.ts'
import {
  type DeliveryRow,
  deleteDelivery,
  deliveryById,
  updateDelivery,
  updateWebhook,
  type WebhookRow,
  webhookById,
} from './store.ts'

const minute = 60_000
const hour = 60 * minute
/** How long a webhook is left alone after so many failures in a row, the last for all that follow. */
const pauses = [10_000, minute, 5 * minute, 30 * minute, 2 * hour, 6 * hour]
/** What could not be delivered in this time is given up. */
const givenUpAfterMs = 24 * hour
/** A webhook that nothing has reached for so long is disabled. */
const disabledAfterMs = 72 * hour

const jobName = 'webhooks.deliver'

/**
 * One attempt to deliver. A webhook that failed is left alone for a while, with all that waits for it: a dead receiver
 * costs one attempt, not one for each payload. At least once: a receiver may see a delivery twice (`X-Webhook-Delivery`).
 */
export function deliverJob(parts: WebhookParts): JobHandler<'delivery-due'> {
  return {
    name: jobName,
    on: 'delivery-due',
    waitsForOthers: true,
    async run({ deliveryId }) {
      const { database, clock } = parts
      const delivery = await deliveryById(database.sql, deliveryId)
      if (delivery?.state !== 'waiting') return
      const webhook = await webhookById(database.sql, delivery.webhook_id)
      if (!webhook) return
      if (webhook.disabled) return await giveUp(parts, delivery, 'the webhook is disabled')
      if (webhook.retry_at > clock()) {
        await wait(parts, delivery, webhook.retry_at)
        return
      }
      // Asked now: between event and delivery rights may have gone, and then nothing must stay that tells of it.
      if (!(await mayKnow(parts, webhook.user_id, JSON.parse(delivery.repo)))) {
        await deleteDelivery(database.sql, delivery.id)
        return
      }
      const { url, secret } = webhook
      const target = { url, secret, deliveryId: delivery.id, targets: parts.targets }
      await note(parts, webhook, delivery, await sendPayload(target, delivery.payload))
    },
  }
}

async function note(
  parts: WebhookParts,
  webhook: WebhookRow,
  delivery: DeliveryRow,
  attempt: Attempt,
): Promise<void> {
  const now = parts.clock()
  const isDelivered = attempt.error === undefined
  const isOver = now >= delivery.created_at + givenUpAfterMs
  const failingSince = webhook.failing_since ?? now
  const retryAt = now + (pauses[webhook.failures] ?? (pauses.at(-1) as number))
  await parts.database.transaction(async tx => {
    await updateDelivery(tx, delivery.id, {
      state: isDelivered ? 'delivered' : isOver ? 'failed' : 'waiting',
      attempts: delivery.attempts + 1,
      status: attempt.status ?? null,
      duration_ms: attempt.durationMs,
      error: attempt.error ?? null,
      sent_at: now,
    })
    if (isDelivered) {
      if (webhook.failures > 0)
        await updateWebhook(tx, webhook.id, { failing_since: null, failures: 0, retry_at: 0 })
      return
    }
    const isHopeless = now >= failingSince + disabledAfterMs
    await updateWebhook(tx, webhook.id, {
      failing_since: failingSince,
      failures: webhook.failures + 1,
      retry_at: retryAt,
      ...(isHopeless && {
        disabled: 1,
        disabled_reason: `nothing has arrived since ${new Date(failingSince).toISOString()}: ${attempt.error}`,
      }),
    })
    if (!isOver) await parts.queue.enqueue(tx, jobOf(delivery, retryAt))
  })
}

async function wait({ database, queue }: WebhookParts, delivery: DeliveryRow, until: number): Promise<void> {
  await database.transaction(tx => queue.enqueue(tx, jobOf(delivery, until)))
}

async function giveUp({ database }: WebhookParts, delivery: DeliveryRow, error: string): Promise<void> {
  await updateDelivery(database.sql, delivery.id, { state: 'failed', error })
}

function jobOf({ id }: DeliveryRow, runAt: number) {
  return { name: jobName, payload: { deliveryId: id }, key: id, runAt }
}
