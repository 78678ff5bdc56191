import type { Repository } from '../../kernel/repository.ts'
import type { Database, Lookup } from '../../ports/database.ts'
import { findRepo, type Ref, refsNamed } from './store.ts'

/** What nearly every request asks first, remembered until it changes. */
export interface Lookups {
  /** By `repoKey`. */
  readonly repo: Lookup<Repository | undefined>
  /** By repository id and the full name of the ref, joined by `refKey`. */
  readonly ref: Lookup<Ref | undefined>
}

export function createLookups(database: Database): Lookups {
  return {
    repo: database.remember({
      tables: ['repos'],
      max: 20_000,
      load: key => findRepo(database.sql, key),
    }),
    ref: database.remember({
      tables: ['refs'],
      max: 20_000,
      async load(key) {
        const [repoId = '', name = ''] = key.split('\n')
        return (await refsNamed(database.sql, repoId, [name])).get(name)
      },
    }),
  }
}

/** No ref's name has a line break. */
export function refKey(repoId: string, name: string): string {
  return `${repoId}\n${name}`
}
