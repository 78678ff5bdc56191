import { RepoNotFound } from '../../kernel/errors.ts'
import type { JobHandler } from '../../ports/queue.ts'
import { findPointers } from './find-pointers.ts'
import type { RepoParts } from './parts.ts'
import { RewrittenHistory } from './rewritten-history.ts'
import { allRefs, moveRef, type Ref, touchRepo } from './store.ts'

type Parts = Pick<RepoParts, 'database' | 'objects' | 'clock' | 'emit' | 'git' | 'mirror' | 'blobs'>

/** How often it is done again when refs have moved meanwhile; each time only what is new is left to do. */
const attempts = 20

/** LFS objects are deleted for good: no ref leads to a pointer to them any more. */
export function rewriteHistory(parts: Parts): JobHandler<'lfs-files-deleted'> {
  return {
    name: 'repos.rewrite-history',
    on: 'lfs-files-deleted',
    run: async ({ repoId, sha256s, rewriteHistory }) => {
      if (!rewriteHistory) return
      try {
        await forgetPointers(parts, repoId, sha256s)
      } catch (error) {
        // Deleted meanwhile, with all its history.
        if (!(error instanceof RepoNotFound)) throw error
      }
    },
  }
}

async function forgetPointers(parts: Parts, repoId: string, sha256s: readonly string[]): Promise<void> {
  // What was uploaded again since is wanted.
  const held = await parts.blobs.describe(repoId, sha256s)
  const gone = new Set(sha256s.filter(sha256 => !held.has(sha256)))
  const pointers = gone.size > 0 ? await findPointers(parts, repoId, gone) : gone
  if (pointers.size === 0) return
  const history = new RewrittenHistory(parts, repoId, pointers)
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const moves: Move[] = []
    for (const before of await allRefs(parts.database.sql, repoId)) {
      const oid = await history.tip(before.oid)
      const commitId = await history.commit(before.commitId)
      if (oid !== before.oid) moves.push({ before, after: { oid, commitId } })
    }
    if (moves.length === 0 || (await publish(parts, repoId, history, moves))) return
  }
  throw new Error(`refs of repository ${repoId} moved ${attempts} times while its history was rewritten`)
}

interface Move {
  readonly before: Ref
  readonly after: { readonly oid: string; readonly commitId: string }
}

class RefsMoved extends Error {}

/** All refs move, or none: false when one was moved by somebody else. */
async function publish(
  parts: Parts,
  repoId: string,
  history: RewrittenHistory,
  moves: readonly Move[],
): Promise<boolean> {
  const records = await history.store()
  const now = parts.clock()
  try {
    await parts.database.transaction(async tx => {
      for (const { before, after } of moves) {
        if (!(await moveRef(tx, repoId, before.name, before.oid, after, now))) throw new RefsMoved()
      }
      for (const record of records) await record(tx, now)
      await touchRepo(tx, repoId, now)
      for (const { before, after } of moves) {
        await parts.emit(tx, 'ref-moved', { repoId, ref: before.name, before: before.oid, after: after.oid })
      }
    })
    return true
  } catch (error) {
    if (error instanceof RefsMoved) return false
    throw error
  }
}
