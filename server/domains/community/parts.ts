import type { Clock } from '../../kernel/clock.ts'
import type { RepoType } from '../../kernel/repository.ts'
import type { Database } from '../../ports/database.ts'
import type { Emit } from '../../ports/queue.ts'
import type { Accounts } from '../accounts/index.ts'
import type { Policy, PrivateReach } from '../policy/index.ts'
import type { Repos } from '../repos/index.ts'

/** What the use cases of this domain stand on; each names the parts that it needs. */
export interface CommunityParts {
  readonly database: Database
  readonly clock: Clock
  readonly emit: Emit
  readonly accounts: Accounts
  readonly policy: Policy
  readonly repos: Repos
  /** The read model, which stands above this domain. */
  readonly catalog: {
    countRepos(accountId: string, reach: PrivateReach): Promise<Record<RepoType, number>>
    storagePage(
      accountId: string,
      before: string | undefined,
      limit: number,
    ): Promise<{ page: object[]; next: string | undefined }>
    listedById(ids: readonly string[]): Promise<Map<string, Record<string, unknown>>>
  }
}
