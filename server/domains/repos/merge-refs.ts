import { encodeCommit } from '../../formats/git-object.ts'
import { PackBuilder } from '../../formats/pack-builder.ts'
import type { User } from '../../kernel/actor.ts'
import type { Repository } from '../../kernel/repository.ts'
import type { Sql } from '../../ports/database.ts'
import { MergeConflict, RevisionNotFound, StaleParent } from './errors.ts'
import { mergeBaseOf } from './history.ts'
import { mergeTrees } from './merge-trees.ts'
import { addObject, storePack } from './packs.ts'
import type { RepoParts } from './parts.ts'
import { signatureOf } from './signature.ts'
import { moveRef, refsNamed, touchRepo } from './store.ts'

/** Full names of refs. */
export interface MergedRefs {
  readonly from: string
  readonly into: string
}

export interface Merge {
  /** Commit that `into` is at now: the merge, the head of `from` when that was enough, or where it was. */
  readonly commitId: string
  /** What both sides stood on. */
  readonly base: string
}

/** How often a merge is made again when a ref has moved meanwhile. */
const attempts = 20

/**
 * Merges one ref into another: by moving it forward when nothing else has happened there, else by a commit with two
 * parents. `settle` runs in the transaction, before the ref moves. Throws RevisionNotFound, MergeConflict with
 * the paths, StaleParent, and what `settle` throws.
 */
export async function mergeRefs(
  parts: RepoParts,
  actor: User,
  repo: Repository,
  refs: MergedRefs,
  message: string,
  settle: (tx: Sql, merge: Merge) => Promise<void>,
): Promise<Merge> {
  return await parts.commitTurns.take(`${repo.id} ${refs.into}`, async () => {
    for (let attempt = 1; ; attempt++) {
      const merge = await tryMerge(parts, actor, repo, refs, message, settle)
      if (merge) return merge
      if (attempt === attempts) throw new StaleParent()
    }
  })
}

/** Undefined when one of the refs has moved meanwhile. */
async function tryMerge(
  parts: RepoParts,
  actor: User,
  repo: Repository,
  refs: MergedRefs,
  message: string,
  settle: (tx: Sql, merge: Merge) => Promise<void>,
): Promise<Merge | undefined> {
  const { ours, theirs } = await headsOf(parts.database.sql, repo, refs)
  const base = await mergeBaseOf(parts, repo, ours.commitId, theirs.commitId)
  if (base === undefined) throw new MergeConflict([])
  const made = await mergeCommit(
    parts,
    actor,
    repo,
    { ours: ours.commitId, theirs: theirs.commitId, base },
    message,
  )
  const { commitId } = made
  const record = made.pack && (await storePack(parts, repo.id, made.pack))
  const now = parts.clock()
  try {
    await parts.database.transaction(async tx => {
      await settle(tx, { commitId, base })
      // Whoever commits to `from` settles with the same row first.
      const present = await headsOf(tx, repo, refs)
      if (present.theirs.oid !== theirs.oid || present.ours.oid !== ours.oid) throw new StaleParent()
      if (commitId !== ours.commitId) {
        const target = { oid: commitId, commitId }
        if (!(await moveRef(tx, repo.id, refs.into, ours.oid, target, now))) throw new StaleParent()
        await parts.emit(tx, 'ref-moved', {
          repoId: repo.id,
          ref: refs.into,
          before: ours.oid,
          after: commitId,
        })
      }
      await record?.(tx, now)
      await touchRepo(tx, repo.id, now)
    })
    return { commitId, base }
  } catch (error) {
    if (error instanceof StaleParent) return undefined
    throw error
  }
}

async function mergeCommit(
  parts: RepoParts,
  actor: User,
  repo: Repository,
  { ours, theirs, base }: { ours: string; theirs: string; base: string },
  message: string,
): Promise<{ commitId: string; pack?: PackBuilder }> {
  if (base === theirs) return { commitId: ours }
  if (base === ours) return { commitId: theirs }
  const pack = new PackBuilder()
  const treeOf = async (id: string) => (await parts.git.commit(repo.id, id)).tree
  const merged = await mergeTrees(
    oid => parts.git.tree(repo.id, oid),
    content => addObject(pack, 'tree', content),
    { base: await treeOf(base), ours: await treeOf(ours), theirs: await treeOf(theirs) },
  )
  if (merged.kind === 'conflict') throw new MergeConflict(merged.paths)
  const signature = signatureOf(actor, parts.clock())
  const commit = {
    tree: merged.tree,
    parents: [ours, theirs],
    author: signature,
    committer: signature,
    message,
  }
  return { commitId: await addObject(pack, 'commit', encodeCommit(commit)), pack }
}

async function headsOf(sql: Sql, repo: Repository, { from, into }: MergedRefs) {
  const found = await refsNamed(sql, repo.id, [from, into])
  const theirs = found.get(from)
  const ours = found.get(into)
  if (!theirs) throw new RevisionNotFound(from)
  if (!ours) throw new RevisionNotFound(into)
  return { ours, theirs }
}

/** Paths that would conflict if `from` were merged into `into` now; undefined when one of them is not there, or has another history. */
export async function findConflicts(
  parts: Pick<RepoParts, 'database' | 'git'>,
  repo: Repository,
  refs: MergedRefs,
): Promise<readonly string[] | undefined> {
  const found = await refsNamed(parts.database.sql, repo.id, [refs.from, refs.into])
  const theirs = found.get(refs.from)?.commitId
  const ours = found.get(refs.into)?.commitId
  if (theirs === undefined || ours === undefined) return undefined
  const base = await mergeBaseOf(parts, repo, ours, theirs)
  if (base === undefined) return undefined
  if (base === theirs || base === ours) return []
  const treeOf = async (id: string) => (await parts.git.commit(repo.id, id)).tree
  const merged = await mergeTrees(
    oid => parts.git.tree(repo.id, oid),
    async () => noId,
    { base: await treeOf(base), ours: await treeOf(ours), theirs: await treeOf(theirs) },
  )
  return merged.kind === 'conflict' ? merged.paths : []
}

/** Stands for a folder that is not made. */
const noId = '0'.repeat(40)
