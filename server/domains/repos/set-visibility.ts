import type { Repository } from '../../kernel/repository.ts'
import type { RepoParts } from './parts.ts'
import { updateVisibility } from './store.ts'

export async function setVisibility(parts: RepoParts, repo: Repository, isPrivate: boolean): Promise<void> {
  await parts.database.transaction(async tx => {
    await updateVisibility(tx, repo.id, isPrivate)
    await parts.emit(tx, 'repo-saved', { repo: { ...repo, isPrivate } })
  })
}
