import { LRUCache } from 'lru-cache'
import { type Repository, repoId } from '../../kernel/repository.ts'
import type { DescribedEntry } from '../repos/index.ts'
import { createFactsLookup } from './commit-facts.ts'
import { needsOthers, ofOthers } from './other-repos.ts'
import type { CatalogParts } from './parts.ts'
import { checkExpand, identity, pick, properties } from './present.ts'
import { type Counts, countsOf } from './store.ts'

export interface InfoQuery {
  readonly blobs?: boolean | undefined
  readonly securityStatus?: boolean | undefined
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
  const factsOf = createFactsLookup(parts)
  const countsLookup = database.remember({
    tables: ['catalog'],
    max: 20_000,
    load: id => countsOf(database.sql, id),
  })
  const kept = new LRUCache<string, KeptText>({
    maxSize: textBytes,
    sizeCalculation: ({ text }) => text.length + 1,
  })
  return async (repo, revision, { blobs = false, securityStatus = false, expand }) => {
    const asked = checkExpand(repo.type, expand)
    const commitId = await repos.resolve(repo, revision)
    const counts = await countsLookup(repo.id)
    const key = [repo.id, commitId, blobs, securityStatus, ...asked].join('\n')
    const known = kept.get(key)
    if (known && known.repo === repo && known.counts === counts) return known.text
    const all = {
      ...properties({
        repo,
        counts,
        commitId,
        modifiedAt: await repos.committedAt(repo, commitId),
        facts: await factsOf(repo, commitId),
        siblings: await siblings(parts, repo, commitId, blobs),
      }),
      // Nobody has looked for what would be harmful.
      ...(securityStatus && { securityRepoStatus: { scansDone: false, filesWithIssues: [] } }),
    }
    const isOfOthers = needsOthers(asked)
    const others = isOfOthers ? (await ofOthers(database.sql, [repoId(repo)], asked))(repoId(repo)) : {}
    const answer = asked.length > 0 ? pick({ ...all, ...others }, asked) : all
    const text = JSON.stringify({ ...identity(repo), ...answer })
    // What is said of blobs follows from what is held, which changes too, as do other repositories.
    if (!blobs && !isOfOthers) kept.set(key, { repo, counts, text })
    return text
  }
}

async function siblings({ repos }: CatalogParts, repo: Repository, commitId: string, blobs: boolean) {
  const files = await repos.files(repo, commitId)
  if (!blobs) return files.map(file => ({ rfilename: file.path }))
  const described = await repos.describe(repo, commitId, files)
  return described.map(file => ({ rfilename: file.path, ...blobOf(file) }))
}

function blobOf(entry: DescribedEntry): Record<string, unknown> {
  if (entry.type === 'directory') return {}
  const { lfs } = entry
  return {
    size: entry.size,
    blobId: entry.oid,
    ...(lfs && { lfs: { sha256: lfs.oid, size: lfs.size, pointerSize: lfs.pointerSize } }),
  }
}
