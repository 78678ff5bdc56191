import type { Actor } from '../../kernel/actor.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Repository } from '../../kernel/repository.ts'
import type { Database } from '../../ports/database.ts'
import type { ObjectStore } from '../../ports/objects.ts'
import type { Emit } from '../../ports/queue.ts'
import type { Accounts } from '../accounts/index.ts'
import type { Policy } from '../policy/index.ts'
import type { Repos } from '../repos/index.ts'

/** What the use cases of this domain stand on; each names the parts that it needs. */
export interface DiscussionParts {
  readonly database: Database
  readonly objects: ObjectStore
  readonly clock: Clock
  readonly emit: Emit
  readonly accounts: Accounts
  readonly policy: Policy
  readonly repos: Repos
  /** Past its gate, if it has one. */
  mayReadFiles(actor: Actor, repo: Repository): Promise<boolean>
}
