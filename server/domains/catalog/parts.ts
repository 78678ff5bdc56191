import type { Database } from '../../ports/database.ts'
import type { Policy } from '../policy/index.ts'
import type { Repos } from '../repos/index.ts'

export interface CatalogParts {
  readonly database: Database
  readonly policy: Policy
  readonly repos: Repos
}
