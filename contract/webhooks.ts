import { z } from 'zod'
import { time } from './parts.ts'

export const webhook = z.object({
  id: z.string(),
  url: z.string(),
  watched: z.array(
    z.object({ type: z.enum(['user', 'org', 'model', 'dataset', 'space', 'kernel']), name: z.string() }),
  ),
  domains: z.array(z.enum(['repo', 'discussion'])),
  /** Stars when there is one. */
  secret: z.string().nullable(),
  disabled: z.boolean(),
  /** Why the hub has disabled it itself. */
  disabledReason: z.string().nullable(),
  failingSince: time.nullable(),
  createdAt: time,
})

export const oneWebhook = z.object({ webhook })

export const delivery = z.object({
  id: z.string(),
  event: z.object({ action: z.string(), scope: z.string() }),
  state: z.enum(['waiting', 'delivered', 'failed']),
  attempts: z.number().int(),
  status: z.number().int().nullable(),
  durationMs: z.number().int().nullable(),
  error: z.string().nullable(),
  createdAt: time,
  sentAt: time.nullable(),
})

export const wholeDelivery = delivery.extend({ payload: z.looseObject({}) })
