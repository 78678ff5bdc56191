import type { Clock } from '../../kernel/clock.ts'
import type { Database } from '../../ports/database.ts'
import type { Accounts } from '../accounts/index.ts'
import type { Policy } from '../policy/index.ts'
import type { Repos } from '../repos/index.ts'
import type { AdmissionLookup } from './admission.ts'

/** What the use cases of this domain stand on; each names the parts that it needs. */
export interface GateParts {
  readonly database: Database
  readonly clock: Clock
  readonly accounts: Accounts
  readonly policy: Policy
  readonly repos: Repos
  readonly admission: AdmissionLookup
}
