import type { Actor } from '../../kernel/actor.ts'
import type { Repository } from '../../kernel/repository.ts'
import type { RepoParts } from './parts.ts'
import { pullRequestNumber } from './pull-requests.ts'

/** What a commit goes to: a branch or a pull request, or a pull request that it opens. */
export interface CommitTarget {
  readonly revision: string
  readonly opensPullRequest?: boolean
}

/**
 * Lets whoever may commit there pass, and whoever may prepare it by uploads. Returns how many bytes they may bring.
 * Throws what policy throws, or what pull requests say.
 */
export async function demandCommit(
  parts: Pick<RepoParts, 'policy' | 'pullRequests'>,
  actor: Actor,
  repo: Repository,
  { revision, opensPullRequest = false }: CommitTarget,
): Promise<{ room: number }> {
  const number = opensPullRequest ? 'new' : pullRequestNumber(revision)
  if (number !== undefined) return await parts.pullRequests.admit(actor, repo, number)
  parts.policy.demand(actor, 'repo:write', { repo })
  return { room: Number.POSITIVE_INFINITY }
}
