import { setImmediate } from 'node:timers/promises'
import { encodeCommit } from '../../formats/git-object.ts'
import { addLfsPaths, parseGitattributes } from '../../formats/gitattributes.ts'
import { encodeLfsPointer } from '../../formats/lfs-pointer.ts'
import { PackBuilder } from '../../formats/pack-builder.ts'
import type { User } from '../../kernel/actor.ts'
import type { Repository } from '../../kernel/repository.ts'
import { type CommitHeader, type Operation, readCommitBody } from './commit-body.ts'
import { EntryNotFound, LfsObjectMissing, RevisionNotFound, StaleParent } from './errors.ts'
import { addObject, storePack } from './packs.ts'
import type { RepoParts } from './parts.ts'
import { signatureOf } from './signature.ts'
import { moveRef, type Ref, refsNamed, touchRepo } from './store.ts'
import { saveLfsFiles } from './store-lfs-files.ts'
import { TreeEdit } from './tree-edit.ts'

/** How often a commit without `parentCommit` is rebuilt on a head that a push, or another node, has moved meanwhile. */
const attempts = 20

/**
 * Applies a commit body (NDJSON) to a branch: one pack, one transaction. Returns the new commit's id, or the head's when
 * nothing changes, so that a client that repeats a commit gets the same answer.
 *
 * Throws RevisionNotFound (no such branch), StaleParent, EntryNotFound (deletes what is not there), InvalidOperation,
 * LfsObjectMissing, MalformedInput, LimitExceeded, HubBusy.
 */
export async function makeCommit(
  parts: RepoParts,
  actor: User,
  repo: Repository,
  revision: string,
  body: AsyncIterable<Uint8Array>,
): Promise<string> {
  return await parts.admission.commitMemory.hold(body, metered =>
    commitBody(parts, actor, repo, revision, metered),
  )
}

async function commitBody(
  parts: RepoParts,
  actor: User,
  repo: Repository,
  revision: string,
  body: AsyncIterable<Uint8Array>,
): Promise<string> {
  const ref = revision.startsWith('refs/') ? revision : `refs/heads/${revision}`
  if ((await headOf(parts, repo, ref)) === undefined) throw new RevisionNotFound(revision)
  const blobs = new PackBuilder()
  let attributes: Uint8Array | undefined
  const { header, operations } = await readCommitBody(body, async (path, content) => {
    if (path === '.gitattributes') attributes = content
    return addObject(blobs, 'blob', content)
  })
  const lfsSizes = await sizesOfLfsFiles(parts, repo, operations)

  const change = { header, operations, attributes, lfsSizes }
  return await parts.commitTurns.take(`${repo.id} ${ref}`, async () => {
    for (let attempt = 1; ; attempt++) {
      const head = await headOf(parts, repo, ref)
      if (!head) throw new RevisionNotFound(revision)
      if (header.parentCommit !== undefined && header.parentCommit !== head.commitId) throw new StaleParent()
      const built = await buildCommit(parts, repo, actor, head, change, blobs.fork())
      if (!built) return head.commitId
      if (await publish(parts, repo, ref, head, built)) return built.commitId
      if (header.parentCommit !== undefined || attempt === attempts) throw new StaleParent()
    }
  })
}

interface Change {
  readonly header: CommitHeader
  readonly operations: readonly Operation[]
  /** The root `.gitattributes`, when the commit brings one. */
  readonly attributes: Uint8Array | undefined
  readonly lfsSizes: ReadonlyMap<string, number>
}

interface BuiltCommit {
  readonly commitId: string
  readonly pack: PackBuilder
  readonly lfsFiles: readonly { readonly sha256: string; readonly path: string }[]
}

/** Undefined when the tree stays what it was. */
async function buildCommit(
  parts: RepoParts,
  repo: Repository,
  actor: User,
  head: Ref,
  { header, operations, attributes, lfsSizes }: Change,
  pack: PackBuilder,
): Promise<BuiltCommit | undefined> {
  const parent = await parts.git.commit(repo.id, head.commitId)
  const edit = new TreeEdit(oid => parts.git.tree(repo.id, oid), parent.tree)
  await applyDeletes(edit, operations, head.commitId)
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
  const commit = { tree, parents: [head.commitId], author: signature, committer: signature, message }
  const commitId = await addObject(pack, 'commit', encodeCommit(commit))
  return { commitId, pack, lfsFiles: operations.filter(operation => operation.kind === 'lfs-file') }
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
  repo: Repository,
  operations: readonly Operation[],
): Promise<Map<string, number>> {
  const wanted = operations.filter(operation => operation.kind === 'lfs-file')
  const stored = await parts.blobs.describe(repo.id, [...new Set(wanted.map(file => file.sha256))])
  const missing = wanted.filter(({ sha256, size }) => {
    const found = stored.get(sha256)
    return !found || (size !== undefined && size !== found.size)
  })
  if (missing.length > 0) throw new LfsObjectMissing(missing)
  return new Map([...stored].map(([sha256, file]) => [sha256, file.size]))
}

async function publish(
  parts: RepoParts,
  repo: Repository,
  ref: string,
  head: Ref,
  { commitId, pack, lfsFiles }: BuiltCommit,
): Promise<boolean> {
  const record = await storePack(parts, repo.id, pack)
  const now = parts.clock()
  try {
    await parts.database.transaction(async tx => {
      if (!(await moveRef(tx, repo.id, ref, head.oid, { oid: commitId, commitId }, now)))
        throw new StaleParent()
      await record(tx, now)
      await parts.blobs.hold(tx, repo.id, [...new Set(lfsFiles.map(file => file.sha256))])
      await saveLfsFiles(tx, repo.id, ref, lfsFiles)
      await touchRepo(tx, repo.id, now)
      await parts.emit(tx, 'ref-moved', { repoId: repo.id, ref, before: head.oid, after: commitId })
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
