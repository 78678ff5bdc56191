import type { Clock } from '../../kernel/clock.ts'
import type { Database } from '../../ports/database.ts'

/** What the use cases of this domain stand on. */
export interface AccountParts {
  readonly database: Database
  readonly clock: Clock
}
