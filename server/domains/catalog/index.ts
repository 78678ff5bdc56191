/** The read model: what lists, search and repository info say. Nobody imports it. */
import type { Route } from '../../http/route.ts'
import type { RepoType } from '../../kernel/repository.ts'
import type { JobHandler, Projection } from '../../ports/queue.ts'
import type { PrivateReach } from '../policy/index.ts'
import { storagePage } from './list-storage.ts'
import type { CatalogParts } from './parts.ts'
import { listed } from './present.ts'
import { projections, refreshJob } from './refresh.ts'
import { catalogRoutes } from './routes.ts'
import { tagRoutes } from './routes-tags.ts'
import { countRepos, rowsById } from './store-counts.ts'

export { catalogMigrations } from './migrations/index.ts'

export interface Catalog {
  /** How many repositories of an account somebody sees who reaches so far. */
  countRepos(accountId: string, reach: PrivateReach): Promise<Record<RepoType, number>>
  /** Every repository of an account with what it stores, the newest first, and where the next page begins. */
  storagePage(accountId: string, before: string | undefined, limit: number): ReturnType<typeof storagePage>
  /** What lists show of these repositories, by their ids; nothing is said of who may see it. */
  listedById(ids: readonly string[]): Promise<Map<string, Record<string, unknown>>>
  readonly routes: readonly Route[]
  readonly projections: readonly Projection[]
  readonly jobs: readonly JobHandler[]
}

export function createCatalog(parts: CatalogParts): Catalog {
  const { sql } = parts.database
  return {
    countRepos: (accountId, reach) => countRepos(sql, accountId, reach),
    storagePage: (accountId, before, limit) => storagePage(sql, accountId, before, limit),
    listedById: async ids =>
      new Map((await rowsById(sql, ids)).map(row => [row.repo_id, listed(row, [])] as const)),
    routes: [...catalogRoutes(parts), ...tagRoutes(parts)],
    projections,
    jobs: [refreshJob(parts) as JobHandler],
  }
}
