import type { Actor } from '../../kernel/actor.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Repository } from '../../kernel/repository.ts'
import type { Database } from '../../ports/database.ts'
import type { Emit, Queue } from '../../ports/queue.ts'
import type { Accounts } from '../accounts/index.ts'
import type { Policy } from '../policy/index.ts'
import type { Repos } from '../repos/index.ts'
import type { DiscussionFacts } from './payload.ts'

export interface WebhookParts {
  readonly database: Database
  readonly queue: Queue
  readonly clock: Clock
  readonly emit: Emit
  readonly policy: Policy
  readonly accounts: Pick<Accounts, 'actorOf'>
  readonly repos: Pick<Repos, 'byId' | 'resolve'>
  /** What links in payloads begin with; the hub's jobs know no request. */
  readonly publicUrl: string
  /** Whether payloads go to this machine and its private networks too. */
  readonly targets: 'public' | 'any'
  /** Undefined when there is none (any more). */
  discussionOf(repo: Repository, number: number): Promise<DiscussionFacts | undefined>
}

/** Whether the owner of a webhook may know of the repository: asked anew each time, since rights change. */
export async function mayKnow(
  { accounts, policy, repos }: WebhookParts,
  userId: string,
  asItWas: Repository,
): Promise<boolean> {
  const owner: Actor = await accounts.actorOf(userId)
  const [asItIs] = await repos.byId([asItWas.id])
  return owner.kind === 'user' && policy.can(owner, 'repo:view', { repo: asItIs ?? asItWas }).allowed
}
