import { LRUCache } from 'lru-cache'
import type { Repository } from '../../kernel/repository.ts'
import { describeCommit } from './describe-commit.ts'
import type { CatalogParts } from './parts.ts'
import { checkExpand, identity, pick, properties } from './present.ts'
import { type Counts, countsOf } from './store.ts'

export interface InfoQuery {
  readonly blobs?: boolean | undefined
  readonly expand: readonly string[]
}

/** Memory for answers that are kept as text. */
const textBytes = 32 * 1024 * 1024

interface KeptText {
  readonly repo: Repository
  readonly counts: Counts
  readonly text: string
}

/**
 * Repository info as JSON text, hub-protocol section 3. The text is kept for as long as it is made of the very same
 * things: the commit, which never changes, and the rows of the repository and of its counts, which are remembered as the
 * same objects until they are written.
 */
export function createRepoInfo(
  parts: CatalogParts,
): (repo: Repository, revision: string, query: InfoQuery) => Promise<string> {
  const { database, repos } = parts
  const countsLookup = database.remember({
    tables: ['catalog'],
    max: 20_000,
    load: id => countsOf(database.sql, id),
  })
  const kept = new LRUCache<string, KeptText>({
    maxSize: textBytes,
    sizeCalculation: ({ text }) => text.length + 1,
  })
  return async (repo, revision, { blobs = false, expand }) => {
    const asked = checkExpand(repo.type, expand)
    const commitId = await repos.resolve(repo, revision)
    const counts = await countsLookup(repo.id)
    const key = [repo.id, commitId, blobs, ...asked].join('\n')
    const known = kept.get(key)
    if (known && known.repo === repo && known.counts === counts) return known.text
    const facts = await describeCommit(repos, repo, commitId)
    const all = await properties(repos, repo, commitId, facts, counts, { blobs })
    const text = JSON.stringify({ ...identity(repo), ...(asked.length > 0 ? pick(all, asked) : all) })
    // What is said of blobs follows from what is held, which changes too.
    if (!blobs) kept.set(key, { repo, counts, text })
    return text
  }
}
