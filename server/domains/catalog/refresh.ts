import { defaultBranch } from '../../kernel/repository.ts'
import type { JobHandler, Projection } from '../../ports/queue.ts'
import { RevisionNotFound } from '../repos/index.ts'
import { describeCommit } from './describe-commit.ts'
import type { CatalogParts } from './parts.ts'
import { removeRepo, saveHead, saveRepo } from './store.ts'
import { changeLikes } from './store-counts.ts'

/** Names, visibility and likes are in the lists as soon as they are true. */
export const projections: readonly Projection[] = [
  { on: 'repo-saved', apply: (tx, { repo }) => saveRepo(tx, repo) },
  { on: 'repo-deleted', apply: (tx, { repoId }) => removeRepo(tx, repoId) },
  { on: 'repo-liked', apply: (tx, { repoId, change }) => changeLikes(tx, repoId, change) },
] satisfies [Projection<'repo-saved'>, Projection<'repo-deleted'>, Projection<'repo-liked'>] as never

/** What the files say follows by a job. */
export function refreshJob(parts: CatalogParts): JobHandler<'ref-moved'> {
  return {
    name: 'catalog.refresh-head',
    on: 'ref-moved',
    key: ({ repoId }) => repoId,
    async run({ repoId }) {
      const [repo] = await parts.repos.byId([repoId])
      if (!repo) return
      try {
        const commitId = await parts.repos.resolve(repo, `refs/heads/${defaultBranch}`)
        const facts = await describeCommit(parts.repos, repo, commitId)
        const modifiedAt = await parts.repos.committedAt(repo, commitId)
        await parts.database.transaction(tx => saveHead(tx, repo.id, { ...facts, commitId, modifiedAt }))
      } catch (error) {
        // Deleted since we looked.
        if (!(error instanceof RevisionNotFound)) throw error
      }
    },
  }
}
