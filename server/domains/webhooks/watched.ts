import { uniqueNameKey } from '../../formats/repo-name.ts'
import { MalformedInput } from '../../kernel/errors.ts'
import { type Repository, repoId } from '../../kernel/repository.ts'
import type { Watch } from './store.ts'
import type { WatchedType } from './tables.ts'

/**
 * What a webhook watches, by name: an account, or one repository. The name need not be anybody's (yet), so that to
 * watch it tells nothing of what there is.
 */
export function readWatched(watched: readonly { type: WatchedType; name: string }[]): Watch[] {
  const byKey = new Map<string, Watch>()
  for (const { type, name } of watched) {
    if (!/^[\w.-]{1,100}(\/[\w.-]{1,100})?$/.test(name)) {
      throw new MalformedInput(
        'watched',
        `${JSON.stringify(name)} is not the name of an account or a repository`,
      )
    }
    const isAccount = type === 'user' || type === 'org'
    const key = uniqueNameKey(`${isAccount ? 'account' : type}/${name}`)
    byKey.set(key, { type, name, key })
  }
  return [...byKey.values()]
}

export function repoKey(repo: Pick<Repository, 'type' | 'namespace' | 'name'>): string {
  return uniqueNameKey(`${repo.type}/${repoId(repo)}`)
}

/** All under which a repository may be watched. */
export function keysOf(repo: Repository): string[] {
  return [uniqueNameKey(`account/${repo.namespace}`), repoKey(repo)]
}
