import { setImmediate } from 'node:timers/promises'
import { encodeCommit } from '../../formats/git-object.ts'
import { addLfsPaths, parseGitattributes } from '../../formats/gitattributes.ts'
import { encodeLfsPointer } from '../../formats/lfs-pointer.ts'
import { PackBuilder } from '../../formats/pack-builder.ts'
import type { User } from '../../kernel/actor.ts'
import type { Repository } from '../../kernel/repository.ts'
import { addPullRequestRef } from './add-pull-request-ref.ts'
import { type CommitHeader, type Operation, readCommitBody } from './commit-body.ts'
import { splitMessage } from './commit-message.ts'
import type { CommitTarget } from './demand-commit.ts'
import { EntryNotFound, LfsObjectMissing, RevisionNotFound, StaleParent } from './errors.ts'
import { addObject, storePack } from './packs.ts'
import type { RepoParts } from './parts.ts'
import { type Brought, pullRequestNumber, pullRequestRef } from './pull-requests.ts'
import { signatureOf } from './signature.ts'
import { moveRef, type Ref, refsNamed, touchRepo } from './store.ts'
import { TreeEdit } from './tree-edit.ts'
import { findUploads, prepareUploads, type Uploads } from './uploads.ts'

/** How often a commit without `parentCommit` is rebuilt on a head that a push, or another node, has moved meanwhile. */
const attempts = 20

export interface MadeCommit {
  /** The head's when nothing changes, so that a client that repeats a commit gets the same answer. */
  readonly commitId: string
  /** Number of the pull request that it opened. */
  readonly pullRequest?: number
}

/**
 * Applies a commit body (NDJSON) to a branch or pull request, or opens a pull request with it: one pack, one
 * transaction. That the actor may do so has been found out before.
 *
 * Throws RevisionNotFound (no such branch), StaleParent, EntryNotFound (deletes what is not there), InvalidOperation,
 * LfsObjectMissing, MalformedInput, LimitExceeded, HubBusy.
 */
export async function makeCommit(
  parts: RepoParts,
  actor: User,
  repo: Repository,
  target: CommitTarget,
  body: AsyncIterable<Uint8Array>,
): Promise<MadeCommit> {
  return await parts.admission.commitMemory.hold(body, metered =>
    commitBody(parts, actor, repo, target, metered),
  )
}

async function commitBody(
  parts: RepoParts,
  actor: User,
  repo: Repository,
  { revision, opensPullRequest = false }: CommitTarget,
  body: AsyncIterable<Uint8Array>,
): Promise<MadeCommit> {
  const ref = revision.startsWith('refs/') ? revision : `refs/heads/${revision}`
  const isBase = !opensPullRequest || ref.startsWith('refs/heads/')
  if (!isBase || (await headOf(parts, repo, ref)) === undefined) throw new RevisionNotFound(revision)
  const blobs = new PackBuilder()
  let attributes: Uint8Array | undefined
  const { header, operations } = await readCommitBody(body, async (path, content) => {
    if (path === '.gitattributes') attributes = content
    return addObject(blobs, 'blob', content)
  })
  const lfsSizes = await sizesOfLfsFiles(parts, actor, repo, operations)
  const lfsFiles = operations.filter(operation => operation.kind === 'lfs-file')
  const uploads = await prepareUploads(parts, actor, repo, lfsFiles)
  const change = { actor, repo, header, operations, attributes, lfsSizes, uploads }
  if (opensPullRequest) return await openPullRequest(parts, change, revision, ref, blobs)
  return await parts.commitTurns.take(`${repo.id} ${ref}`, async () => {
    for (let attempt = 1; ; attempt++) {
      const head = await headOf(parts, repo, ref)
      if (!head) throw new RevisionNotFound(revision)
      if (header.parentCommit !== undefined && header.parentCommit !== head.commitId) throw new StaleParent()
      const built = await buildCommit(parts, change, head.commitId, blobs.fork())
      if (!built) return { commitId: head.commitId }
      if (await publish(parts, change, ref, head, built)) return { commitId: built.commitId }
      if (header.parentCommit !== undefined || attempt === attempts) throw new StaleParent()
    }
  })
}

/** It begins at `parentCommit`, or at the head of the branch; without a change it stands there. */
async function openPullRequest(
  parts: RepoParts,
  change: Change,
  revision: string,
  base: string,
  blobs: PackBuilder,
): Promise<MadeCommit> {
  const { actor, repo, header } = change
  const start = header.parentCommit ?? (await headOf(parts, repo, base))?.commitId
  if (start === undefined || !(await parts.git.isCommit(repo.id, start))) {
    throw new RevisionNotFound(start ?? revision)
  }
  const built = await buildCommit(parts, change, start, blobs)
  const commitId = built?.commitId ?? start
  const record = built && (await storePack(parts, repo.id, built.pack))
  const now = parts.clock()
  const pullRequest = await parts.database.transaction(async tx => {
    await touchRepo(tx, repo.id, now)
    const wanted = { title: header.summary, description: header.description, base }
    const number = await parts.pullRequests.open(tx, actor, repo, wanted)
    await addPullRequestRef(parts, tx, repo, number, commitId)
    if (record && built) {
      await record(tx, now)
      await change.uploads.take(tx, pullRequestRef(number))
      await parts.pullRequests.committed(tx, actor, repo, number, broughtBy(change, built))
    }
    return number
  })
  return { commitId, pullRequest }
}

function broughtBy({ header, uploads }: Change, { commitId, pack }: BuiltCommit): Brought {
  const subject = splitMessage(header.summary).title
  return { commits: [{ oid: commitId, subject }], bytes: pack.byteLength + uploads.bytes }
}

interface Change {
  readonly actor: User
  readonly repo: Repository
  readonly header: CommitHeader
  readonly operations: readonly Operation[]
  /** The root `.gitattributes`, when the commit brings one. */
  readonly attributes: Uint8Array | undefined
  readonly lfsSizes: ReadonlyMap<string, number>
  readonly uploads: Uploads
}

interface BuiltCommit {
  readonly commitId: string
  readonly pack: PackBuilder
}

/** Undefined when the tree stays what it was. */
async function buildCommit(
  parts: RepoParts,
  { actor, repo, header, operations, attributes, lfsSizes }: Change,
  parentId: string,
  pack: PackBuilder,
): Promise<BuiltCommit | undefined> {
  const parent = await parts.git.commit(repo.id, parentId)
  const edit = new TreeEdit(oid => parts.git.tree(repo.id, oid), parent.tree)
  await applyDeletes(edit, operations, parentId)
  for (const operation of operations) {
    if (operation.kind === 'file') await edit.put(operation.path, '100644', operation.oid)
    if (operation.kind === 'lfs-file') {
      const size = lfsSizes.get(operation.sha256) as number
      const pointer = encodeLfsPointer({ sha256: operation.sha256, size })
      await edit.put(operation.path, '100644', await addObject(pack, 'blob', pointer))
    }
  }
  await trackLfsPaths(parts, repo, edit, operations, attributes, pack)

  const tree = await edit.write(content => addObject(pack, 'tree', content))
  if (tree === parent.tree) return undefined
  const signature = signatureOf(actor, parts.clock())
  const message = header.description === '' ? header.summary : `${header.summary}\n\n${header.description}`
  const commit = { tree, parents: [parentId], author: signature, committer: signature, message }
  const commitId = await addObject(pack, 'commit', encodeCommit(commit))
  return { commitId, pack }
}

/**
 * Deletes come first, whatever their place: `delete a`, `add a` in one commit replaces, in either order. A path that is
 * called a file and is a folder goes as well (test_hf_api.py: test_create_commit_implicit_delete_folder_is_ok).
 */
async function applyDeletes(
  edit: TreeEdit,
  operations: readonly Operation[],
  commitId: string,
): Promise<void> {
  for (const operation of operations) {
    const missing =
      (operation.kind === 'delete-file' && !(await edit.delete(operation.path))) ||
      (operation.kind === 'delete-folder' && !(await edit.deleteFolder(operation.path)))
    if (missing) throw new EntryNotFound(operation.path, commitId, "A file with this name doesn't exist")
  }
}

/** Every LFS file's path is covered by `.gitattributes`, so that `git clone` with git-lfs brings the bytes. */
async function trackLfsPaths(
  parts: RepoParts,
  repo: Repository,
  edit: TreeEdit,
  operations: readonly Operation[],
  attributes: Uint8Array | undefined,
  pack: PackBuilder,
): Promise<void> {
  const lfsPaths = operations.flatMap(operation => (operation.kind === 'lfs-file' ? [operation.path] : []))
  if (lfsPaths.length === 0) return
  const entry = await edit.find('.gitattributes')
  const content = attributes ?? (entry && (await parts.git.read(repo.id, entry.oid)).content)
  const text = content ?? new Uint8Array()
  const tracked = parseGitattributes(text)
  const untracked: string[] = []
  for (const path of lfsPaths) {
    if (!tracked.isLfs(path)) untracked.push(path)
    // Many paths against many patterns take long; others are served meanwhile.
    await setImmediate()
  }
  if (untracked.length === 0) return
  await edit.put('.gitattributes', '100644', await addObject(pack, 'blob', addLfsPaths(text, untracked)))
}

/** sha256 → size of every LFS file of the commit; their bytes must have been uploaded to this repository. */
async function sizesOfLfsFiles(
  parts: RepoParts,
  actor: User,
  repo: Repository,
  operations: readonly Operation[],
): Promise<Map<string, number>> {
  const wanted = operations.filter(operation => operation.kind === 'lfs-file')
  const stored = await findUploads(
    parts,
    actor,
    repo,
    wanted.map(file => file.sha256),
  )
  const missing = wanted.filter(({ sha256, size }) => {
    const found = stored.get(sha256)
    return !found || (size !== undefined && size !== found.size)
  })
  if (missing.length > 0) throw new LfsObjectMissing(missing)
  return new Map([...stored].map(([sha256, file]) => [sha256, file.size]))
}

async function publish(
  parts: RepoParts,
  change: Change,
  ref: string,
  head: Ref,
  built: BuiltCommit,
): Promise<boolean> {
  const { actor, repo, uploads } = change
  const { commitId } = built
  const pullRequest = pullRequestNumber(ref)
  const record = await storePack(parts, repo.id, built.pack)
  const now = parts.clock()
  try {
    await parts.database.transaction(async tx => {
      if (!(await moveRef(tx, repo.id, ref, head.oid, { oid: commitId, commitId }, now)))
        throw new StaleParent()
      await record(tx, now)
      await uploads.take(tx, ref)
      await touchRepo(tx, repo.id, now)
      await parts.emit(tx, 'ref-moved', { repoId: repo.id, ref, before: head.oid, after: commitId })
      if (pullRequest !== undefined) {
        await parts.pullRequests.committed(tx, actor, repo, pullRequest, broughtBy(change, built))
      }
    })
    return true
  } catch (error) {
    if (error instanceof StaleParent) return false
    throw error
  }
}

async function headOf(parts: RepoParts, repo: Repository, ref: string): Promise<Ref | undefined> {
  return (await refsNamed(parts.database.sql, repo.id, [ref])).get(ref)
}
