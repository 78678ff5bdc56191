import { encodeCommit } from '../../formats/git-object.ts'
import { Tree } from '../../formats/git-tree.ts'
import { DEFAULT_GITATTRIBUTES } from '../../formats/gitattributes.ts'
import { PackBuilder } from '../../formats/pack-builder.ts'
import { parseRepoId } from '../../formats/repo-name.ts'
import type { User } from '../../kernel/actor.ts'
import { LimitExceeded } from '../../kernel/errors.ts'
import { newId } from '../../kernel/ids.ts'
import { defaultBranch, type Repository, type RepoType } from '../../kernel/repository.ts'
import { checkPath } from './check-path.ts'
import { regularFileLimit } from './commit-body.ts'
import { NamespaceNotFound, RepoExists } from './errors.ts'
import { addObject, storePack } from './packs.ts'
import type { RepoParts } from './parts.ts'
import { signatureOf } from './signature.ts'
import { findRepo, insertRepo, moveRef, repoKey } from './store.ts'
import { TreeEdit } from './tree-edit.ts'

export interface NewRepo {
  readonly type: RepoType
  readonly namespace: string
  readonly name: string
  /** The owner's default when absent. */
  readonly isPrivate?: boolean
  /** Files of the first commit, path → content; `.gitattributes` is added. */
  readonly files?: ReadonlyMap<string, Uint8Array>
}

/**
 * A new repository with the branch `main` and one commit, `initial commit`, that holds `.gitattributes`. Throws
 * RepoExists, NamespaceNotFound, or what policy says of creating in that namespace.
 */
export async function createRepo(parts: RepoParts, actor: User, wanted: NewRepo): Promise<Repository> {
  const { name } = parseRepoId(`${wanted.namespace}/${wanted.name}`)
  const owner = await parts.accounts.findAccount(wanted.namespace)
  if (!owner) throw new NamespaceNotFound(wanted.namespace)
  parts.policy.demand(actor, 'account:create-repo', { account: owner })
  const existing = await findRepo(parts.database.sql, repoKey(wanted.type, owner.name, name))
  if (existing) throw new RepoExists(existing)

  const now = parts.clock()
  const repo: Repository = {
    id: newId(now),
    type: wanted.type,
    namespaceId: owner.id,
    namespace: owner.name,
    name,
    isPrivate: wanted.isPrivate ?? owner.privateByDefault,
    gated: false,
    createdAt: now,
    updatedAt: now,
  }
  const { pack, commitId } = await initialPack(repo, wanted.files ?? new Map(), actor, now)
  const record = await storePack(parts, repo.id, pack)
  try {
    await parts.database.transaction(async tx => {
      await insertRepo(tx, repo)
      await record(tx, now)
      await moveRef(tx, repo.id, `refs/heads/${defaultBranch}`, undefined, { oid: commitId, commitId }, now)
      await parts.emit(tx, 'repo-saved', { repo, isNew: true })
      await parts.emit(tx, 'ref-moved', {
        repoId: repo.id,
        ref: `refs/heads/${defaultBranch}`,
        after: commitId,
      })
    })
  } catch (error) {
    if (parts.database.isDuplicate(error)) throw new RepoExists(repo)
    throw error
  }
  return repo
}

async function initialPack(
  repo: Repository,
  files: ReadonlyMap<string, Uint8Array>,
  actor: User,
  now: number,
): Promise<{ pack: PackBuilder; commitId: string }> {
  const pack = new PackBuilder()
  const edit = new TreeEdit(async () => new Tree(new Uint8Array()), undefined)
  const attributes = Buffer.from(DEFAULT_GITATTRIBUTES[repo.type])
  for (const [path, content] of [['.gitattributes', attributes] as const, ...files]) {
    if (content.length > regularFileLimit) {
      throw new LimitExceeded(`${path} as a regular file`, regularFileLimit, 'bytes', content.length)
    }
    await edit.put(checkPath(path), '100644', await addObject(pack, 'blob', content))
  }
  const tree = await edit.write(content => addObject(pack, 'tree', content))
  const signature = signatureOf(actor, now)
  const commit = encodeCommit({
    tree,
    parents: [],
    author: signature,
    committer: signature,
    message: 'initial commit',
  })
  return { pack, commitId: await addObject(pack, 'commit', commit) }
}
