import { encodeCommit, encodeTag } from '../../formats/git-object.ts'
import { PackBuilder } from '../../formats/pack-builder.ts'
import { checkBranchName, checkTagName } from '../../formats/ref-name.ts'
import type { User } from '../../kernel/actor.ts'
import { defaultBranch, type Repository } from '../../kernel/repository.ts'
import type { Sql } from '../../ports/database.ts'
import { RefClash, RefExists, RefProtected, RevisionNotFound, StaleParent } from './errors.ts'
import { addObject, type RecordPack, storePack } from './packs.ts'
import type { RepoParts } from './parts.ts'
import { findClash } from './push-refs.ts'
import { resolveRevision } from './resolve-revision.ts'
import { signatureOf } from './signature.ts'
import { allRefs, moveRef, type Ref, refsNamed, touchRepo } from './store.ts'

/** Branches and tags, made and removed through the API. Names are checked; a ref that exists is never moved here unless asked. */

export interface NewBranch {
  readonly name: string
  /** A revision; the default branch when absent. */
  readonly startingPoint?: string | undefined
  /** Starts with a commit that has no files and no past. */
  readonly empty?: boolean | undefined
  readonly overwrite?: boolean | undefined
}

export async function createBranch(
  parts: RepoParts,
  actor: User,
  repo: Repository,
  wanted: NewBranch,
): Promise<void> {
  checkBranchName(wanted.name)
  const ref = `refs/heads/${wanted.name}`
  const now = parts.clock()
  const present = (await refsNamed(parts.database.sql, repo.id, [ref])).get(ref)
  if (present && !wanted.overwrite) throw new RefExists(ref)
  const start: { commitId: string; record?: RecordPack } = wanted.empty
    ? await emptyCommit(parts, actor, repo, now)
    : { commitId: await resolveRevision(parts, repo, wanted.startingPoint ?? defaultBranch) }
  const { commitId } = start
  await parts.database.transaction(async tx => {
    await start.record?.(tx, now)
    await touchRepo(tx, repo.id, now)
    const moved = await moveRef(tx, repo.id, ref, present?.oid, { oid: commitId, commitId }, now)
    if (!moved) throw present ? new StaleParent() : new RefExists(ref)
    await refuseClash(tx, repo, ref)
    await parts.emit(tx, 'ref-moved', {
      repoId: repo.id,
      ref,
      ...(present && { before: present.oid }),
      after: commitId,
    })
  })
}

export async function deleteBranch(parts: RepoParts, repo: Repository, name: string): Promise<void> {
  if (name === defaultBranch) throw new RefProtected(`refs/heads/${name}`)
  await deleteRef(parts, repo, `refs/heads/${name}`, name)
}

/** A lightweight tag, or an annotated one when there is a message. */
export async function createTag(
  parts: RepoParts,
  actor: User,
  repo: Repository,
  wanted: { name: string; revision: string; message?: string | undefined },
): Promise<void> {
  const commitId = await resolveRevision(parts, repo, wanted.revision)
  checkTagName(wanted.name)
  const ref = `refs/tags/${wanted.name}`
  const now = parts.clock()
  const pack = wanted.message ? new PackBuilder() : undefined
  const oid = pack
    ? await addObject(
        pack,
        'tag',
        encodeTag({
          object: commitId,
          type: 'commit',
          tag: wanted.name,
          tagger: signatureOf(actor, now),
          message: wanted.message ?? '',
        }),
      )
    : commitId
  const record = pack && (await storePack(parts, repo.id, pack))
  await parts.database.transaction(async tx => {
    await record?.(tx, now)
    await touchRepo(tx, repo.id, now)
    if (!(await moveRef(tx, repo.id, ref, undefined, { oid, commitId }, now))) throw new RefExists(ref)
    await refuseClash(tx, repo, ref)
    await parts.emit(tx, 'ref-moved', { repoId: repo.id, ref, after: oid })
  })
}

export async function deleteTag(parts: RepoParts, repo: Repository, name: string): Promise<void> {
  await deleteRef(parts, repo, `refs/tags/${name}`, name)
}

export async function listRefs(parts: Pick<RepoParts, 'database'>, repo: Repository): Promise<Ref[]> {
  return allRefs(parts.database.sql, repo.id)
}

async function deleteRef(parts: RepoParts, repo: Repository, ref: string, shown: string): Promise<void> {
  const present = (await refsNamed(parts.database.sql, repo.id, [ref])).get(ref)
  if (!present) throw new RevisionNotFound(shown)
  await parts.database.transaction(async tx => {
    if (!(await moveRef(tx, repo.id, ref, present.oid, undefined, parts.clock()))) throw new StaleParent()
    await parts.emit(tx, 'ref-moved', { repoId: repo.id, ref, before: present.oid })
  })
}

/** After `touchRepo`, which makes the transactions of a repository wait for each other. */
async function refuseClash(tx: Sql, repo: Repository, ref: string): Promise<void> {
  const names = (await allRefs(tx, repo.id)).map(({ name }) => name)
  const clash = findClash([ref], names)
  if (clash) throw new RefClash(clash.ref, clash.other)
}

async function emptyCommit(parts: RepoParts, actor: User, repo: Repository, now: number) {
  const pack = new PackBuilder()
  const signature = signatureOf(actor, now)
  const tree = await addObject(pack, 'tree', new Uint8Array())
  const commit = { tree, parents: [], author: signature, committer: signature, message: 'initial commit' }
  const commitId = await addObject(pack, 'commit', encodeCommit(commit))
  return { commitId, record: await storePack(parts, repo.id, pack) }
}
