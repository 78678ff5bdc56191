import { parseRepoId } from '../../formats/repo-name.ts'
import type { User } from '../../kernel/actor.ts'
import type { Repository } from '../../kernel/repository.ts'
import { NamespaceNotFound, RepoNameTaken } from './errors.ts'
import type { RepoParts } from './parts.ts'
import { findRepo, keyOf, moveRepo as moveRow } from './store.ts'

type Parts = Pick<RepoParts, 'database' | 'accounts' | 'policy' | 'emit'>

/**
 * Gives a repository another name, in the same or another namespace. The old name leads to it from then on, until
 * somebody makes a repository of that name. Asks policy of both sides: the settings of the repository, and creating in
 * the namespace. Throws MalformedInput, NamespaceNotFound, RepoNameTaken, RepoNotFound, or what policy says.
 */
export async function moveRepo(parts: Parts, actor: User, repo: Repository, to: string): Promise<Repository> {
  const wanted = parseRepoId(to)
  parts.policy.demand(actor, 'repo:settings', { repo })
  const owner = await parts.accounts.findAccount(wanted.namespace)
  if (!owner) throw new NamespaceNotFound(wanted.namespace)
  parts.policy.demand(actor, 'account:create-repo', { account: owner })
  const target = { ...repo, namespaceId: owner.id, namespace: owner.name, name: wanted.name }
  const present = await findRepo(parts.database.sql, keyOf(target))
  if (present && present.id !== repo.id) throw new RepoNameTaken(target)
  try {
    return await parts.database.transaction(async tx => {
      const moved = await moveRow(tx, repo, target)
      await parts.emit(tx, 'repo-saved', { repo: moved, movedFrom: repo })
      return moved
    })
  } catch (error) {
    if (parts.database.isDuplicate(error)) throw new RepoNameTaken(target)
    throw error
  }
}
