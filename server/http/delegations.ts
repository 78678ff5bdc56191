import type { Admission, Policy } from '../domains/policy/index.ts'
import type { Actor, User } from '../kernel/actor.ts'
import type { DelegationCheck } from '../kernel/delegation.ts'
import type { Repository } from '../kernel/repository.ts'

interface Parts {
  readonly policy: Policy
  /** Whoever shows this credential now; undefined when it is no longer good. */
  bearerOf(credential: string): Promise<Actor | undefined>
  repoById(id: string): Repository | undefined | Promise<Repository | undefined>
  /** Who holds what this user uploads to a repository without writing to it. */
  readerHolder(user: User, repo: Repository): string
  admissionOf(user: User, repo: Repository): Admission | Promise<Admission>
}

/**
 * Keys end with what gave them: the credential that asked, the user and their roles, the repository and who may read
 * it are looked up at each use. What is remembered between requests (docs/decisions/0012) makes this cheap.
 */
export function createDelegationCheck(parts: Parts): DelegationCheck {
  const { can } = parts.policy
  return async ({ repo: repoId, holder, by }, scope) => {
    const actor = await parts.bearerOf(by)
    const repo = actor && (await parts.repoById(repoId))
    if (!repo) return false
    if (holder === repo.id && scope === 'write') return can(actor, 'repo:write', { repo }).allowed
    if (holder !== repo.id) {
      const isOwn = actor.kind === 'user' && holder === parts.readerHolder(actor, repo)
      if (!isOwn || !can(actor, 'repo:discuss', { repo }).allowed) return false
    }
    const isAtGate = repo.gated && actor.kind === 'user'
    const admission = isAtGate ? await parts.admissionOf(actor, repo) : undefined
    return can(actor, 'repo:read', { repo, admission }).allowed
  }
}
