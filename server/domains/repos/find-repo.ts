import { RepoNotFound } from '../../kernel/errors.ts'
import { type Repository, type RepoType, repoId } from '../../kernel/repository.ts'
import type { RepoParts } from './parts.ts'
import { keyOf, repoKey } from './store.ts'

/** The live repository of that name, in any spelling of its case. Throws RepoNotFound. Nothing is said of who may see it. */
export async function findRepo(
  parts: Pick<RepoParts, 'lookups'>,
  type: RepoType,
  namespace: string,
  name: string,
): Promise<Repository> {
  const repo = await locateRepo(parts, type, namespace, name)
  if (keyOf(repo) !== repoKey(type, namespace, name)) throw new RepoNotFound(repoId({ namespace, name }))
  return repo
}

/** The same, or the one that had this name before it was moved. */
export async function locateRepo(
  parts: Pick<RepoParts, 'lookups'>,
  type: RepoType,
  namespace: string,
  name: string,
): Promise<Repository> {
  const repo = await parts.lookups.repo(repoKey(type, namespace, name))
  if (!repo) throw new RepoNotFound(repoId({ namespace, name }))
  return repo
}
