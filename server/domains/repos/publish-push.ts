import { RepoNotFound } from '../../kernel/errors.ts'
import { type Repository, repoId } from '../../kernel/repository.ts'
import type { Sql } from '../../ports/database.ts'
import { storePackFiles } from './pack-files.ts'
import type { RecordPack } from './packs.ts'
import type { RepoParts } from './parts.ts'
import type { ReceivedPack } from './push-quarantine.ts'
import { fetchFirst, findClash, type RefMove } from './push-refs.ts'
import { allRefs, moveRef, type Pack, reposById, touchRepo } from './store.ts'
import { saveLfsFiles } from './store-lfs-files.ts'

type Parts = Pick<RepoParts, 'database' | 'objects' | 'clock' | 'emit' | 'blobs'>

/** Objects and refs that have been found to be good. */
export interface GoodPush {
  readonly pack: ReceivedPack | undefined
  readonly moves: readonly RefMove[]
  /** LFS objects that the pack refers to, and where. */
  readonly lfsFiles: readonly { readonly sha256: string; readonly path: string }[]
  /** All refs move, or none. */
  readonly isAtomic: boolean
}

/** Undoes the transaction because of one ref. */
class RefRefused extends Error {
  readonly ref: string
  readonly fault: string
  constructor(ref: string, fault: string) {
    super(`${ref}: ${fault}`)
    this.ref = ref
    this.fault = fault
  }
}

/**
 * Makes the pack durable, then in one transaction: the pack counts, the refs move, the LFS objects are held, and all
 * is told. Returns why refs did not move, by ref. Throws RepoNotFound when the repository went away, and PackBeingCollected,
 * and what `blobs.hold` throws.
 */
export async function publishPush(
  parts: Parts,
  repo: Repository,
  push: GoodPush,
): Promise<Map<string, string>> {
  const record = push.pack && (await storePackFiles(parts, repo.id, rowOf(push.pack), push.pack))
  const refused = new Map<string, string>()
  // In order of names, like every push: two that wait for each other's rows would be a deadlock.
  let moves = push.moves.filter(move => move.before !== move.after).sort((a, b) => (a.ref < b.ref ? -1 : 1))
  for (;;) {
    try {
      const late = await parts.database.transaction(tx => writeRows(parts, tx, repo, push, record, moves))
      for (const ref of late) refused.set(ref, fetchFirst)
      return refused
    } catch (error) {
      if (!(error instanceof RefRefused)) throw error
      refused.set(error.ref, error.fault)
      if (push.isAtomic) return refused
      moves = moves.filter(move => move.ref !== error.ref)
    }
  }
}

function rowOf({ packId, bytes, index }: ReceivedPack): Pack {
  return { packId, bytes, objectCount: index.count }
}

/** Returns the refs that somebody else has moved meanwhile. */
async function writeRows(
  parts: Parts,
  tx: Sql,
  repo: Repository,
  { lfsFiles, isAtomic }: GoodPush,
  record: RecordPack | undefined,
  moves: readonly RefMove[],
): Promise<string[]> {
  const now = parts.clock()
  const moved: RefMove[] = []
  const late: string[] = []
  for (const move of moves) {
    const { ref, before, after, commitId } = move
    const target = after !== undefined && commitId !== undefined ? { oid: after, commitId } : undefined
    if (await moveRef(tx, repo.id, ref, before, target, now)) moved.push(move)
    else if (isAtomic) throw new RefRefused(ref, fetchFirst)
    else late.push(ref)
  }
  const [first] = moved
  if (!first) return late
  if (record) {
    await record(tx, now)
    await parts.blobs.hold(tx, repo.id, [...new Set(lfsFiles.map(file => file.sha256))])
    await saveLfsFiles(tx, repo.id, first.ref, lfsFiles)
  }
  await touchRepo(tx, repo.id, now)
  if ((await reposById(tx, [repo.id])).length === 0) throw new RepoNotFound(repoId(repo))
  await refuseClashes(tx, repo, moved)
  for (const { ref, before, after } of moved) {
    await parts.emit(tx, 'ref-moved', {
      repoId: repo.id,
      ref,
      ...(before !== undefined && { before }),
      ...(after !== undefined && { after }),
    })
  }
  return late
}

/** Looked at last, when the repository's row is ours: whoever creates refs by a push waits for us before looking. */
async function refuseClashes(tx: Sql, repo: Repository, moved: readonly RefMove[]): Promise<void> {
  const created = moved.filter(move => move.before === undefined).map(move => move.ref)
  if (created.length === 0) return
  const names = (await allRefs(tx, repo.id)).map(ref => ref.name)
  const clash = findClash(created, names)
  if (clash) throw new RefRefused(clash.ref, `cannot be beside ${clash.other}`)
}
