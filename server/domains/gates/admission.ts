import type { Actor, User } from '../../kernel/actor.ts'
import type { Repository } from '../../kernel/repository.ts'
import type { Database } from '../../ports/database.ts'
import type { Admission } from '../policy/index.ts'
import { acceptedAmong, requestOf } from './store.ts'

/** What has become of this user's request, remembered until any request changes: every download asks. */
export type AdmissionLookup = (user: User, repo: Repository) => Admission | Promise<Admission>

export function createAdmission(database: Database): AdmissionLookup {
  const lookup = database.remember<Admission>({
    tables: ['access_requests'],
    max: 20_000,
    async load(key) {
      const [userId = '', repoId = ''] = key.split('/')
      return (await requestOf(database.sql, repoId, userId))?.status ?? 'none'
    },
  })
  return (user, repo) => lookup(`${user.id}/${repo.id}`)
}

/** The ids of those of these repositories whose gate has let the actor in, in one query. */
export async function acceptedBy(
  database: Database,
  actor: Actor,
  repos: readonly Repository[],
): Promise<ReadonlySet<string>> {
  const gated = repos.filter(repo => repo.gated).map(repo => repo.id)
  if (actor.kind === 'anonymous' || gated.length === 0) return new Set()
  return await acceptedAmong(database.sql, actor.id, gated)
}
