import type { Repository } from '../../kernel/repository.ts'
import type { Sql } from '../../ports/database.ts'
import type { JobHandler } from '../../ports/queue.ts'
import type { RepoParts } from './parts.ts'
import { deleteRepo as deleteRow, deleteSomeRefs } from './store.ts'
import { deleteSomeLfsFiles } from './store-lfs-files.ts'

type Parts = Pick<RepoParts, 'database' | 'clock' | 'emit' | 'blobs' | 'mirror'>

/** Some 50 ms of SQLite, in which nobody else writes. */
const rowsPerTransaction = 1000

/** Gone for everybody at once; the bytes that nothing else refers to are collected after the grace period. */
export async function deleteRepo(parts: Parts, repo: Repository): Promise<void> {
  await parts.database.transaction(async tx => {
    await deleteRow(tx, repo.id, parts.clock())
    await sweep(parts, tx, repo.id)
    await parts.emit(tx, 'repo-deleted', { repoId: repo.id, repo })
  })
  await parts.mirror.forget(repo.id)
}

/** What a repository of very many refs or large files leaves behind. */
export function sweepDeleted(parts: Parts): JobHandler<'repo-deleted'> {
  return {
    name: 'repos.sweep-deleted',
    on: 'repo-deleted',
    run: ({ repoId }) => sweepRepo(parts, repoId),
  }
}

/** Removes all rows of a repository that is not there, a few in each transaction. */
export async function sweepRepo(parts: Pick<RepoParts, 'database' | 'blobs'>, repoId: string): Promise<void> {
  while (await parts.database.transaction(tx => sweep(parts, tx, repoId)));
}

/** False when nothing was left. */
async function sweep({ blobs }: Pick<RepoParts, 'blobs'>, tx: Sql, repoId: string): Promise<boolean> {
  const files = await blobs.releaseHolder(tx, repoId)
  const names = await deleteSomeLfsFiles(tx, repoId, rowsPerTransaction)
  const refs = await deleteSomeRefs(tx, repoId, rowsPerTransaction)
  return files + names + refs > 0
}
