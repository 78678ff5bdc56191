import { encodeCommit } from '../../formats/git-object.ts'
import { PackBuilder } from '../../formats/pack-builder.ts'
import type { User } from '../../kernel/actor.ts'
import type { Repository } from '../../kernel/repository.ts'
import { RevisionNotFound, StaleParent } from './errors.ts'
import { addObject, storePack } from './packs.ts'
import type { RepoParts } from './parts.ts'
import { signatureOf } from './signature.ts'
import { moveRef, type Ref, refsNamed, touchRepo } from './store.ts'

type Parts = Pick<RepoParts, 'database' | 'objects' | 'clock' | 'emit' | 'git' | 'commitTurns'>

/** How often it is done again on a head that a push, or another node, has moved meanwhile. */
const attempts = 20
const squashable = /^refs\/(?:heads|pr|convert)\//

/**
 * Makes one commit of a branch (or of `refs/pr/1`, `refs/convert/parquet`): the same tree, no past. Other refs keep
 * theirs. The old commits are in no history any more, but stay in the packs as long as the repository does; by their
 * ids they may still be found, which nobody should count on. Throws RevisionNotFound, StaleParent.
 */
export async function squashHistory(
  parts: Parts,
  actor: User,
  repo: Repository,
  revision: string,
  message: string,
): Promise<void> {
  const ref = revision.startsWith('refs/') ? revision : `refs/heads/${revision}`
  await parts.commitTurns.take(`${repo.id} ${ref}`, async () => {
    for (let attempt = 1; attempt <= attempts; attempt++) {
      const head = (await refsNamed(parts.database.sql, repo.id, [ref])).get(ref)
      if (!head || !squashable.test(ref)) throw new RevisionNotFound(revision)
      if (await squash(parts, actor, repo, head, message)) return
    }
    throw new StaleParent()
  })
}

/** False when the ref was moved meanwhile. */
async function squash(
  parts: Parts,
  actor: User,
  repo: Repository,
  head: Ref,
  message: string,
): Promise<boolean> {
  const { tree } = await parts.git.commit(repo.id, head.commitId)
  const signature = signatureOf(actor, parts.clock())
  const pack = new PackBuilder()
  const commit = { tree, parents: [], author: signature, committer: signature, message }
  const commitId = await addObject(pack, 'commit', encodeCommit(commit))
  const record = await storePack(parts, repo.id, pack)
  const now = parts.clock()
  return await parts.database.transaction(async tx => {
    const moved = await moveRef(tx, repo.id, head.name, head.oid, { oid: commitId, commitId }, now)
    if (!moved) return false
    await record(tx, now)
    await touchRepo(tx, repo.id, now)
    await parts.emit(tx, 'ref-moved', { repoId: repo.id, ref: head.name, before: head.oid, after: commitId })
    return true
  })
}
