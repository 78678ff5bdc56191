/** Webhooks: what happens to repositories and in discussions is posted to URLs that users name. */
import type { Route } from '../../http/route.ts'
import type { JobHandler, Projection } from '../../ports/queue.ts'
import { deliverJob } from './deliver.ts'
import type { WebhookParts } from './parts.ts'
import { webhookRoutes } from './routes.ts'
import { projections, tellingJobs } from './tell-webhooks.ts'

export { AddressRefused, WebhookNotFound } from './errors.ts'
export { webhookMigrations } from './migrations/index.ts'

export interface Webhooks {
  readonly routes: readonly Route[]
  readonly projections: readonly Projection[]
  readonly jobs: readonly JobHandler[]
}

export function createWebhooks(parts: WebhookParts): Webhooks {
  return {
    routes: webhookRoutes(parts),
    projections,
    jobs: [...tellingJobs(parts), deliverJob(parts) as JobHandler],
  }
}
