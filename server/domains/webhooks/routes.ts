import { z } from 'zod'
import * as shapes from '../../../contract/webhooks.ts'
import { encodeCursor, linkNextPage, readPosition } from '../../http/pages.ts'
import { count, text } from '../../http/query.ts'
import { type Route, route } from '../../http/route.ts'
import type { User } from '../../kernel/actor.ts'
import { WebhookNotFound } from './errors.ts'
import { findWebhook } from './find-webhook.ts'
import { mayKnow, type WebhookParts } from './parts.ts'
import { changeWebhook, createWebhook, hiddenSecret, switchWebhook } from './save-webhook.ts'
import {
  type DeliveryRow,
  deleteWebhook,
  deliveriesOf,
  deliveryById,
  type Watch,
  type WebhookRow,
  watchesOf,
  webhooksOf,
} from './store.ts'
import { watchedTypes } from './tables.ts'
import { addDelivery } from './tell-webhooks.ts'

const path = '/api/settings/webhooks'
const pageSize = 50

const wanted = z.object({
  url: z.string().max(2000).optional(),
  watched: z
    .array(
      z.object({
        type: z.enum(watchedTypes, { error: 'must be user, org, model, dataset, space or kernel' }),
        name: z.string().max(200),
      }),
    )
    .max(100)
    .optional(),
  domains: z.array(z.enum(['repo', 'discussion'])).optional(),
  secret: z
    .string()
    .regex(/^[\x21-\x7e]*$/, 'must be printable ASCII without spaces: it travels in a header')
    .max(200)
    .nullish(),
})

/** A user's own webhooks, as huggingface_hub speaks of them (`hf_api.py:create_webhook` …), and how they fare. */
export function webhookRoutes(parts: WebhookParts): Route[] {
  const { sql } = parts.database
  const grant = 'own:manage'
  const answers = { 200: shapes.oneWebhook }
  const one = async (row: WebhookRow) => {
    const watches = await watchesOf(sql, [row.id])
    return { webhook: present(row, watches.get(row.id) ?? []) }
  }
  return [
    route({
      method: 'GET',
      path,
      grant,
      about: { summary: 'Your webhooks', answers: { 200: z.array(shapes.webhook) } },
      async handle({ actor }) {
        const rows = await webhooksOf(sql, (actor as User).id)
        const watches = await watchesOf(
          sql,
          rows.map(row => row.id),
        )
        return rows.map(row => present(row, watches.get(row.id) ?? []))
      },
    }),
    route({
      method: 'POST',
      path,
      grant,
      about: { summary: 'Make a webhook', answers },
      body: wanted,
      handle: async ({ actor, body }) => one(await createWebhook(parts, actor as User, body)),
    }),
    route({
      method: 'GET',
      path: `${path}/:id`,
      grant,
      about: { summary: 'One webhook', answers },
      handle: async ({ actor, params }) => one(await findWebhook(sql, actor as User, params.id ?? '')),
    }),
    route({
      method: 'POST',
      path: `${path}/:id`,
      grant,
      about: { summary: 'Change a webhook', answers },
      body: wanted,
      handle: async ({ actor, params, body }) =>
        one(await changeWebhook(parts, actor as User, params.id ?? '', body)),
    }),
    ...(['enable', 'disable'] as const).map(verb =>
      route({
        method: 'POST',
        path: `${path}/:id/${verb}`,
        grant,
        about: { summary: `${verb === 'enable' ? 'Enable' : 'Disable'} a webhook`, answers },
        handle: async ({ actor, params }) =>
          one(await switchWebhook(parts, actor as User, params.id ?? '', verb === 'enable')),
      }),
    ),
    route({
      method: 'DELETE',
      path: `${path}/:id`,
      grant,
      about: { summary: 'Delete a webhook and its log', answers: { 204: null } },
      async handle({ actor, params }) {
        const { id } = await findWebhook(sql, actor as User, params.id ?? '')
        await parts.database.transaction(tx => deleteWebhook(tx, id))
      },
    }),
    route({
      method: 'GET',
      path: `${path}/:id/deliveries`,
      grant,
      about: { summary: 'What was sent, newest first', answers: { 200: z.array(shapes.delivery) } },
      query: z.object({ limit: count, cursor: text }),
      async handle(call) {
        const { id } = await findWebhook(sql, call.actor as User, call.params.id ?? '')
        const limit = Math.min(call.query.limit ?? pageSize, pageSize)
        const before = call.query.cursor && readPosition(call.query.cursor, z.string())
        const found = await deliveriesOf(sql, id, { before, limit: limit + 1 })
        const page = found.slice(0, limit)
        linkNextPage(call, found.length > limit ? encodeCursor(page.at(-1)?.id) : undefined)
        return page.map(presentDelivery)
      },
    }),
    route({
      method: 'GET',
      path: `${path}/:id/deliveries/:delivery`,
      grant,
      about: { summary: 'One delivery with its payload', answers: { 200: shapes.wholeDelivery } },
      async handle({ actor, params }) {
        const delivery = await findDelivery(parts, actor as User, params)
        return { ...presentDelivery(delivery), payload: JSON.parse(delivery.payload) }
      },
    }),
    route({
      method: 'POST',
      path: `${path}/:id/deliveries/:delivery/redeliver`,
      grant,
      about: { summary: 'Send a payload again', answers: { 200: z.object({ id: z.string() }) } },
      async handle({ actor, params }) {
        const { webhook_id, action, scope, repo, payload } = await findDelivery(parts, actor as User, params)
        return {
          id: await addDelivery(parts, webhook_id, { action, scope, repo: JSON.parse(repo), payload }),
        }
      },
    }),
  ]
}

/** One whose repository the user may (still) know. Throws WebhookNotFound. */
async function findDelivery(
  parts: WebhookParts,
  user: User,
  { id = '', delivery = '' }: Readonly<Record<string, string>>,
): Promise<DeliveryRow> {
  const { sql } = parts.database
  const webhook = await findWebhook(sql, user, id)
  const found = await deliveryById(sql, delivery)
  if (found?.webhook_id !== webhook.id || !(await mayKnow(parts, user.id, JSON.parse(found.repo)))) {
    throw new WebhookNotFound('delivery', delivery)
  }
  return found
}

function present(row: WebhookRow, watches: readonly Watch[]) {
  return {
    id: row.id,
    url: row.url,
    watched: watches.map(({ type, name }) => ({ type, name })),
    domains: row.domains.split(','),
    secret: row.secret === null ? null : hiddenSecret,
    disabled: row.disabled === 1,
    disabledReason: row.disabled_reason,
    failingSince: iso(row.failing_since),
    createdAt: iso(row.created_at),
  }
}

function presentDelivery(row: Omit<DeliveryRow, 'payload' | 'repo'>) {
  return {
    id: row.id,
    event: { action: row.action, scope: row.scope },
    state: row.state,
    attempts: row.attempts,
    status: row.status,
    durationMs: row.duration_ms,
    error: row.error,
    createdAt: iso(row.created_at),
    sentAt: iso(row.sent_at),
  }
}

function iso(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString()
}
