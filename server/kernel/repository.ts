/** A repository as every domain knows it. */
export interface Repository {
  readonly id: string
  readonly type: RepoType
  /** Account that owns it. */
  readonly namespaceId: string
  readonly namespace: string
  readonly name: string
  readonly isPrivate: boolean
  /** Whether its files are for those alone who have asked: let in at once, or when an owner has said yes. */
  readonly gated: Gate | false
  readonly createdAt: number
  readonly updatedAt: number
}

export const gates = ['auto', 'manual'] as const
export type Gate = (typeof gates)[number]

export const repoTypes = ['model', 'dataset', 'space', 'kernel'] as const
export type RepoType = (typeof repoTypes)[number]

/** `ns/name`, as people and clients write it. */
export function repoId(repo: { namespace: string; name: string }): string {
  return `${repo.namespace}/${repo.name}`
}

/** Whether this is the repository's name now, in any spelling of its case, and not one that it had before. */
export function isNamed(repo: Repository, namespace: string, name: string): boolean {
  if (repo.name === name && repo.namespace === namespace) return true
  return repoId(repo).toLowerCase() === repoId({ namespace, name }).toLowerCase()
}

/** Where its pages, files and git live under the hub's origin: `/ns/name`, `/datasets/ns/name`, `/spaces/ns/name`, … */
export function repoPath(repo: { type: RepoType; namespace: string; name: string }): string {
  return `${repo.type === 'model' ? '' : `/${repo.type}s`}/${repoId(repo)}`
}

/** Where its API lives: `/api/models/ns/name` … */
export function repoApiPath(repo: { type: RepoType; namespace: string; name: string }): string {
  return `/api/${repo.type}s/${repoId(repo)}`
}

/** The branch that `HEAD` names, and that cannot be deleted. */
export const defaultBranch = 'main'
