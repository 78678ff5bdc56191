import { type Repository, type RepoType, repoTypes } from '../kernel/repository.ts'

/**
 * The request target with the repository's name of today in place of the one it had, which stands at the path segment
 * `at` and the next. All else stays: path, query, encoding, and the `.git` of git's URLs.
 */
export function movedTarget(target: string, at: number, repo: Repository): string {
  const [path = '', ...query] = target.split('?')
  const segments = path.split('/')
  const suffix = /\.git$/.exec(segments[at + 1] ?? '')?.[0] ?? ''
  segments.splice(at, 2, repo.namespace, repo.name + suffix)
  return [segments.join('/'), ...query].join('?')
}

export interface NamedPlace {
  readonly type: RepoType
  readonly namespace: string
  readonly name: string
  /** Which segment of the path the namespace is; the first, after the leading slash, is 1. */
  readonly at: number
}

/** The repository in whose pages a path would lie. */
export function webPlace(path: string): NamedPlace | undefined {
  const segments = path.split('/')
  const type = repoTypes.find(type => segments[1] === `${type}s`) ?? 'model'
  const at = segments[1] === `${type}s` ? 2 : 1
  const [namespace, name] = segments.slice(at, at + 2)
  // No name needs to be encoded, so one that is cannot be one that was moved.
  return namespace && name ? { type, namespace, name, at } : undefined
}
