import type { Repository } from '../../kernel/repository.ts'
import type { RepoParts } from './parts.ts'
import { type Settings, updateSettings } from './store.ts'

/** Returns the repository as it is now. Throws RepoNotFound when it was deleted meanwhile. */
export async function changeSettings(
  parts: Pick<RepoParts, 'database' | 'emit'>,
  repo: Repository,
  change: Settings,
): Promise<Repository> {
  if (Object.keys(change).length === 0) return repo
  return await parts.database.transaction(async tx => {
    const changed = await updateSettings(tx, repo.id, change)
    await parts.emit(tx, 'repo-saved', { repo: changed })
    return changed
  })
}
