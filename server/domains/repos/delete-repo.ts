import type { Repository } from '../../kernel/repository.ts'
import type { RepoParts } from './parts.ts'
import { deleteRepo as deleteRows } from './store.ts'

/** Gone for everybody at once; the bytes that nothing else refers to are collected after the grace period. */
export async function deleteRepo(parts: RepoParts, repo: Repository): Promise<void> {
  await parts.database.transaction(async tx => {
    await deleteRows(tx, repo.id, parts.clock())
    await parts.blobs.release(tx, repo.id)
    await parts.emit(tx, 'repo-deleted', { repoId: repo.id, repo })
  })
  await parts.mirror.forget(repo.id)
}
