import { parseRepoId } from '../../formats/repo-name.ts'
import type { User } from '../../kernel/actor.ts'
import { RepoNotFound } from '../../kernel/errors.ts'
import { newId } from '../../kernel/ids.ts'
import { defaultBranch, type Repository, repoId } from '../../kernel/repository.ts'
import { ObjectMissing } from '../../ports/objects.ts'
import { sweepRepo } from './delete-repo.ts'
import { NamespaceNotFound, RepoExists } from './errors.ts'
import { copyPack, type RecordPack } from './packs.ts'
import type { RepoParts } from './parts.ts'
import { allRefs, findRepo, insertRefs, insertRepo, lockRepo, packsOf, repoKey } from './store.ts'
import { copyLfsFiles } from './store-lfs-files.ts'

type Parts = Pick<RepoParts, 'database' | 'objects' | 'clock' | 'accounts' | 'policy' | 'emit' | 'blobs'>

export interface Duplicate {
  /** `namespace/name` */
  readonly to: string
  /** As the source when absent; private too where that is the owner's default. */
  readonly isPrivate?: boolean
}

const parallelCopies = 8
const copied = /^refs\/(?:heads|tags)\//

/**
 * A new repository with the branches, the tags and the history of `source`, but for its pull requests. No bytes move:
 * packs get a second name in the object store, large files a second holder. What is decided is who may create there;
 * that the actor may read the source was asked before. Throws MalformedInput, NamespaceNotFound, RepoExists,
 * RepoNotFound, or what policy says.
 */
export async function duplicateRepo(
  parts: Parts,
  actor: User,
  source: Repository,
  wanted: Duplicate,
): Promise<Repository> {
  const { namespace, name } = parseRepoId(wanted.to)
  const owner = await parts.accounts.findAccount(namespace)
  if (!owner) throw new NamespaceNotFound(namespace)
  parts.policy.demand(actor, 'account:create-repo', { account: owner })
  const existing = await findRepo(parts.database.sql, repoKey(source.type, owner.name, name))
  if (existing) throw new RepoExists(existing)

  const now = parts.clock()
  const repo: Repository = {
    id: newId(now),
    type: source.type,
    namespaceId: owner.id,
    namespace: owner.name,
    name,
    // What was behind a gate is not let out by this.
    gated: source.gated,
    isPrivate: wanted.isPrivate ?? (source.isPrivate || owner.privateByDefault),
    createdAt: now,
    updatedAt: now,
  }
  // Refs first: the packs that are there later hold all that these refs need.
  const refs = (await allRefs(parts.database.sql, source.id)).filter(ref => copied.test(ref.name))
  const main = refs.find(ref => ref.name === `refs/heads/${defaultBranch}`)
  if (!main) throw new RepoNotFound(repoId(source))
  const records = await copyPacks(parts, source, repo)
  try {
    await shareFiles(parts, source, repo)
    await parts.database.transaction(async tx => {
      // It stays, with all that it holds, until this is done.
      await lockRepo(tx, source.id)
      await insertRepo(tx, repo)
      for (const record of records) await record(tx, now)
      await insertRefs(tx, repo.id, refs, now)
      await parts.emit(tx, 'repo-saved', { repo, isNew: true })
      await parts.emit(tx, 'ref-moved', { repoId: repo.id, ref: main.name, after: main.oid })
    })
  } catch (error) {
    await sweepRepo(parts, repo.id)
    if (parts.database.isDuplicate(error)) throw new RepoExists(repo)
    throw error
  }
  return repo
}

/** The large files, a page in each transaction: others write between them. Until `repo` is there nobody can see it. */
async function shareFiles(parts: Parts, source: Repository, repo: Repository): Promise<void> {
  const [from, to] = [source.id, repo.id]
  for (let last: string | undefined = ''; last !== undefined; ) {
    last = await parts.database.transaction(async tx => {
      // It releases none of them until they are shared.
      await lockRepo(tx, from)
      const end = await parts.blobs.sharePage(tx, { from, to, last: last ?? '' })
      if (end !== undefined) await copyLfsFiles(tx, { from, to, last: last ?? '', end })
      return end
    })
  }
}

async function copyPacks(parts: Parts, source: Repository, to: Repository): Promise<RecordPack[]> {
  try {
    return await copyListedPacks(parts, source, to)
  } catch (error) {
    // Merged into another one and collected since the list was read.
    if (!(error instanceof ObjectMissing)) throw error
    return await copyListedPacks(parts, source, to)
  }
}

async function copyListedPacks(parts: Parts, source: Repository, to: Repository): Promise<RecordPack[]> {
  const packs = await packsOf(parts.database.sql, source.id)
  const records: RecordPack[] = []
  for (let at = 0; at < packs.length; at += parallelCopies) {
    const some = packs.slice(at, at + parallelCopies)
    records.push(...(await Promise.all(some.map(pack => copyPack(parts, source.id, to.id, pack)))))
  }
  return records
}
