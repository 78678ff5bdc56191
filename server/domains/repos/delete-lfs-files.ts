import type { Repository } from '../../kernel/repository.ts'
import type { RepoParts } from './parts.ts'
import { lockRepo } from './store.ts'
import { deleteLfsFiles as deleteRows } from './store-lfs-files.ts'

/**
 * The repository has these LFS objects no more, at once and for good: what no other repository has of them is collected
 * after the grace period. With `rewriteHistory` a job takes their pointers out of every commit (`rewrite-history.ts`);
 * without, files whose content is gone stay in the trees. At most a thousand; unknown ones are passed over.
 */
export async function deleteLfsFiles(
  parts: Pick<RepoParts, 'database' | 'blobs' | 'emit'>,
  repo: Repository,
  sha256s: readonly string[],
  rewriteHistory: boolean,
): Promise<void> {
  if (sha256s.length === 0) return
  await parts.database.transaction(async tx => {
    await lockRepo(tx, repo.id)
    await parts.blobs.release(tx, repo.id, sha256s)
    await deleteRows(tx, repo.id, sha256s)
    await parts.emit(tx, 'lfs-files-deleted', { repoId: repo.id, sha256s, rewriteHistory })
  })
}
