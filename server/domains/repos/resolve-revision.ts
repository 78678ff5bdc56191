import type { Repository } from '../../kernel/repository.ts'
import { RevisionNotFound } from './errors.ts'
import { refKey } from './lookups.ts'
import type { RepoParts } from './parts.ts'
import { refsNamed } from './store.ts'

/**
 * The commit that a revision means: `main`, a tag, `refs/pr/1`, `HEAD`, a full or an abbreviated commit id. A branch
 * wins over a tag of the same name, a name wins over an abbreviation. Throws RevisionNotFound.
 */
export async function resolveRevision(
  parts: Pick<RepoParts, 'lookups' | 'git'>,
  repo: Repository,
  revision: string,
): Promise<string> {
  if (fullCommitId.test(revision) && (await parts.git.isCommit(repo.id, revision))) return revision
  const ref = await parts.lookups.ref(refKey(repo, revision))
  if (ref) return ref.commitId
  const commitId = abbreviatedCommitId.test(revision)
    ? await parts.git.commitByPrefix(repo.id, revision)
    : undefined
  if (commitId === undefined) throw new RevisionNotFound(revision)
  return commitId
}

/**
 * Splits the raw tail of `tree/{revision}/{path}` and the like. The revision is one encoded segment
 * (`refs%2Fpr%2F1`), except that @huggingface/hub (`src/lib/list-files.ts`) sends it as several: after a first
 * segment `refs`, the longest ref that exists is the revision.
 */
export async function splitRevision(
  parts: Pick<RepoParts, 'database'>,
  repo: Repository,
  tail: string,
): Promise<{ revision: string; path: string }> {
  const segments = tail.split('/').map(decodeURIComponent)
  const cut = (count: number) => ({
    revision: segments.slice(0, count).join('/'),
    path: segments.slice(count).join('/'),
  })
  if (segments[0] !== 'refs' || segments.length === 1) return cut(1)
  const counts = [8, 7, 6, 5, 4, 3, 2].filter(count => count <= segments.length)
  const refs = await refsNamed(
    parts.database.sql,
    repo.id,
    counts.map(count => cut(count).revision),
  )
  const longest = counts.find(count => refs.has(cut(count).revision))
  // Refs have three segments as a rule; that is what the error should name.
  return cut(longest ?? 3)
}

const fullCommitId = /^[0-9a-f]{40}$/
const abbreviatedCommitId = /^[0-9a-f]{7,39}$/
