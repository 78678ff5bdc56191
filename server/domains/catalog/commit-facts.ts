import { LRUCache } from 'lru-cache'
import type { Repository } from '../../kernel/repository.ts'
import { type CommitFacts, describeCommit } from './describe-commit.ts'
import type { CatalogParts } from './parts.ts'
import { findFacts } from './store-facts.ts'

export type FactsLookup = (repo: Repository, commitId: string) => Promise<CommitFacts>

/** What is said of a commit, which never changes: as it is remembered, as it is written down of heads, or read from its files. */
export function createFactsLookup({ database, repos }: CatalogParts): FactsLookup {
  const known = new LRUCache<string, CommitFacts>({
    maxSize: 32 * 1024 * 1024,
    sizeCalculation: facts => JSON.stringify(facts).length + 500,
  })
  return async (repo, commitId) => {
    const key = `${repo.id}/${commitId}`
    const before = known.get(key)
    if (before) return before
    const facts =
      (await findFacts(database.sql, repo.id, commitId)) ??
      (await describeCommit(repos, repo, commitId)).facts
    known.set(key, facts)
    return facts
  }
}
