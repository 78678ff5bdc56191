import type { Repository } from '../../kernel/repository.ts'
import type { Sql } from '../../ports/database.ts'
import { RefExists } from './errors.ts'
import type { RepoParts } from './parts.ts'
import { pullRequestRef } from './pull-requests.ts'
import { moveRef, touchRepo } from './store.ts'

/** Makes the ref of a pull request, in the transaction that opens it. Throws RepoNotFound, RefExists. */
export async function addPullRequestRef(
  parts: Pick<RepoParts, 'clock' | 'emit'>,
  tx: Sql,
  repo: Repository,
  number: number,
  commitId: string,
): Promise<void> {
  const now = parts.clock()
  const ref = pullRequestRef(number)
  await touchRepo(tx, repo.id, now)
  // Numbers are given once; a ref that is there already came by another way.
  if (!(await moveRef(tx, repo.id, ref, undefined, { oid: commitId, commitId }, now)))
    throw new RefExists(ref)
  await parts.emit(tx, 'ref-moved', { repoId: repo.id, ref, after: commitId })
}
