import { defaultBranch, type Repository } from '../../kernel/repository.ts'
import type { Database, Lookup } from '../../ports/database.ts'
import { findMovedRepo, findRepo, type Ref, refsNamed, reposById } from './store.ts'

/** What nearly every request asks first, remembered until it changes. */
export interface Lookups {
  /** By `repoKey`: the repository that has the name, or had it before it was moved. */
  readonly repo: Lookup<Repository | undefined>
  readonly repoById: Lookup<Repository | undefined>
  /** The ref that a revision names, by `refKey`. A branch wins over a tag of the same name. */
  readonly ref: Lookup<Ref | undefined>
}

export function createLookups(database: Database): Lookups {
  return {
    repo: database.remember({
      tables: ['repos', 'repo_redirects'],
      max: 20_000,
      load: async key => (await findRepo(database.sql, key)) ?? findMovedRepo(database.sql, key),
    }),
    repoById: database.remember({
      tables: ['repos'],
      max: 20_000,
      load: async id => (await reposById(database.sql, [id]))[0],
    }),
    ref: database.remember({
      tables: ['refs'],
      max: 20_000,
      async load(key) {
        const repoIdEnd = key.indexOf('/')
        const names = namesOf(key.slice(repoIdEnd + 1))
        const refs = await refsNamed(database.sql, key.slice(0, repoIdEnd), names)
        return names.map(name => refs.get(name)).find(ref => ref !== undefined)
      },
    }),
  }
}

export function refKey(repo: Repository, revision: string): string {
  return `${repo.id}/${revision}`
}

function namesOf(revision: string): string[] {
  if (revision === 'HEAD') return [`refs/heads/${defaultBranch}`]
  return revision.startsWith('refs/') ? [revision] : [`refs/heads/${revision}`, `refs/tags/${revision}`]
}
