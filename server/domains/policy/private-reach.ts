import type { Actor } from '../../kernel/actor.ts'

/**
 * Which private repositories an actor may read, as facts that a query can ask for; `can` says the same of one. Both
 * conditions must hold: the namespace is one of the user's, and the credential covers it.
 */
export interface PrivateReach {
  /** Account ids, or all of them (hub admins). */
  readonly namespaceIds: readonly string[] | 'all'
  /** Set for fine-grained tokens: only what these name. */
  readonly only?: { readonly namespaceIds: readonly string[]; readonly repoIds: readonly string[] }
}

export function privateReach(actor: Actor): PrivateReach {
  if (actor.kind === 'anonymous') return { namespaceIds: [] }
  const namespaceIds = actor.isAdmin ? ('all' as const) : [actor.id, ...actor.memberships.keys()]
  const { credential } = actor
  if (credential.kind !== 'token' || credential.role !== 'fine-grained') return { namespaceIds }
  const idsOf = (kind: 'account' | 'repository') =>
    credential.scopes.filter(({ target }) => target.kind === kind).map(({ target }) => target.id)
  return { namespaceIds, only: { namespaceIds: idsOf('account'), repoIds: idsOf('repository') } }
}
