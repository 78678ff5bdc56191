/** Gates of repositories: who has asked to read their files, and what the owners said. */
import type { Route } from '../../http/route.ts'
import type { Actor } from '../../kernel/actor.ts'
import type { Repository } from '../../kernel/repository.ts'
import type { Projection } from '../../ports/queue.ts'
import { type AdmissionLookup, acceptedBy, createAdmission } from './admission.ts'
import type { GateParts } from './parts.ts'
import { gateRoutes } from './routes.ts'
import { deleteRequestsOf } from './store.ts'

export * from './errors.ts'
export { gateMigrations } from './migrations/index.ts'

export interface Gates {
  readonly admission: AdmissionLookup
  /** The ids of those of these repositories whose gate has let the actor in. */
  acceptedBy(actor: Actor, repos: readonly Repository[]): Promise<ReadonlySet<string>>
  readonly routes: readonly Route[]
  readonly projections: readonly Projection[]
}

export function createGates(given: Omit<GateParts, 'admission'>): Gates {
  const parts: GateParts = { ...given, admission: createAdmission(given.database) }
  const forget: Projection<'repo-deleted'> = {
    on: 'repo-deleted',
    apply: (tx, { repoId }) => deleteRequestsOf(tx, repoId),
  }
  return {
    admission: parts.admission,
    acceptedBy: (actor, repos) => acceptedBy(parts.database, actor, repos),
    routes: gateRoutes(parts),
    projections: [forget as Projection],
  }
}
