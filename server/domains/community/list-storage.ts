import { repoId } from '../../kernel/repository.ts'
import type { Account } from '../accounts/index.ts'
import type { CommunityParts } from './parts.ts'

/** Where a list goes on, and what its first page has added up. */
export interface StoragePosition {
  readonly before: string
  readonly total: number
}

/**
 * Every repository of an account with what it stores (docs/decisions/0016), the newest first:
 * huggingface_hub `hf_api.py:RepoStorageInfo`.
 */
export async function listStorage(
  { repos }: Pick<CommunityParts, 'repos'>,
  account: Pick<Account, 'id'>,
  position: StoragePosition | undefined,
  limit: number,
) {
  const found = await repos.ofAccount(account.id, position?.before, limit + 1)
  const page = found.slice(0, limit)
  const isAll = !position && found.length <= limit
  const ids = position || isAll ? page.map(repo => repo.id) : await repos.idsOfAccount(account.id)
  const storage = await repos.storageOf(ids)
  const total = position?.total ?? [...storage.values()].reduce((sum, bytes) => sum + bytes, 0)
  const last = page.at(-1)
  return {
    page: page.map(repo => {
      const bytes = storage.get(repo.id) ?? 0
      return {
        id: repoId(repo),
        type: repo.type,
        updatedAt: new Date(repo.updatedAt).toISOString(),
        visibility: repo.isPrivate ? ('private' as const) : ('public' as const),
        storage: bytes,
        storagePercent: total === 0 ? 0 : (100 * bytes) / total,
      }
    }),
    next: found.length > limit && last ? { before: last.id, total } : undefined,
  }
}
