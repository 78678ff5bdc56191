/** The read model: what lists, search and repository info say. Nobody imports it. */
import type { Route } from '../../http/route.ts'
import type { JobHandler, Projection } from '../../ports/queue.ts'
import type { CatalogParts } from './parts.ts'
import { projections, refreshJob } from './refresh.ts'
import { catalogRoutes } from './routes.ts'

export { catalogMigrations } from './migrations/index.ts'

export interface Catalog {
  readonly routes: readonly Route[]
  readonly projections: readonly Projection[]
  readonly jobs: readonly JobHandler[]
}

export function createCatalog(parts: CatalogParts): Catalog {
  return { routes: catalogRoutes(parts), projections, jobs: [refreshJob(parts) as JobHandler] }
}
