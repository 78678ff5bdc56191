import { type RepoType, repoId } from '../../kernel/repository.ts'
import type { Sql } from '../../ports/database.ts'
import { rowsOfAccount, storageOfAccount } from './store-counts.ts'

/** huggingface_hub `hf_api.py:RepoStorageInfo`. */
export interface RepoStorage {
  readonly id: string
  readonly type: RepoType
  readonly updatedAt: string
  readonly visibility: 'public' | 'private'
  /** Bytes, as `Repos.storedBytes` counts them; of the last commit that the read model has seen. */
  readonly storage: number
  /** Of all that the account stores. */
  readonly storagePercent: number
}

/** Every repository of an account, the newest first, those before the id `before`; and where the next page begins. */
export async function storagePage(
  sql: Sql,
  accountId: string,
  before: string | undefined,
  limit: number,
): Promise<{ page: RepoStorage[]; next: string | undefined }> {
  const rows = await rowsOfAccount(sql, accountId, before, limit + 1)
  const total = await storageOfAccount(sql, accountId)
  const page = rows.slice(0, limit)
  return {
    page: page.map(row => ({
      id: repoId(row),
      type: row.type,
      updatedAt: new Date(row.modified_at).toISOString(),
      visibility: row.is_private === 1 ? 'private' : 'public',
      storage: row.used_storage,
      storagePercent: total === 0 ? 0 : (100 * row.used_storage) / total,
    })),
    next: rows.length > limit ? page.at(-1)?.repo_id : undefined,
  }
}
