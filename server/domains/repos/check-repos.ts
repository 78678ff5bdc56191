import { createHash } from 'node:crypto'
import { PackIndex } from '../../formats/pack-index.ts'
import { HubError } from '../../kernel/errors.ts'
import { type Repository, repoId } from '../../kernel/repository.ts'
import type { CheckReport } from '../blobs/index.ts'
import { packKey } from './packs.ts'
import type { RepoParts } from './parts.ts'
import { allRefs, allRepoIds, type Pack, packsOf, reposById } from './store.ts'

type Parts = Pick<RepoParts, 'database' | 'objects' | 'git' | 'blobs'>

const reposAtOnce = 100
const blobsAtOnce = 1000

/**
 * Proves that every ref reaches complete history in packs that are there, and every LFS pointer in it a file that the
 * repository holds. `deep` also hashes the packs.
 */
export async function checkRepos(
  parts: Parts,
  { deep }: { deep: boolean },
  report: CheckReport,
): Promise<void> {
  const ids = await allRepoIds(parts.database.sql)
  for (let at = 0; at < ids.length; at += reposAtOnce) {
    const repos = await reposById(parts.database.sql, ids.slice(at, at + reposAtOnce))
    for (const [index, repo] of repos.entries()) {
      await checkRepo(parts, repo, deep, report)
      report.progress('repositories', at + index + 1, ids.length)
    }
  }
}

async function checkRepo(parts: Parts, repo: Repository, deep: boolean, report: CheckReport): Promise<void> {
  const fault = (what: string, words: string) =>
    report.finding({ severity: 'error', subject: `${repo.type} ${repoId(repo)} (${repo.id}) ${what}`, words })
  for (const pack of await packsOf(parts.database.sql, repo.id)) {
    const words = await sayFault(() => checkPack(parts, repo, pack, deep))
    if (words !== undefined) fault(`pack ${pack.packId}`, words)
  }
  const seen = new Set<string>()
  for (const ref of await allRefs(parts.database.sql, repo.id)) {
    const words = await sayFault(async () => {
      if ((await parts.git.peel(repo.id, ref.oid)) !== ref.commitId) {
        return `names object ${ref.oid}, which is not commit ${ref.commitId} nor a tag of it`
      }
      return walkHistory(parts, repo, ref.commitId, seen)
    })
    if (words !== undefined) fault(`ref ${ref.name}`, words)
  }
}

async function checkPack(
  parts: Parts,
  repo: Repository,
  pack: Pack,
  deep: boolean,
): Promise<string | undefined> {
  const key = packKey(repo.id, pack.packId, 'pack')
  const indexKey = packKey(repo.id, pack.packId, 'idx')
  const size = await parts.objects.size(key)
  if (size !== pack.bytes) return `object ${key} has ${size ?? 'no'} bytes, ${pack.bytes} were stored`
  const indexSize = await parts.objects.size(indexKey)
  if (indexSize === undefined) return `object ${indexKey} is missing`
  const index = new PackIndex(await parts.objects.read(indexKey, 0, indexSize), { verifyChecksum: deep })
  if (index.packId !== pack.packId) return `its index is that of pack ${index.packId}`
  if (!deep) return undefined
  const hash = createHash('sha1')
  for await (const bytes of parts.objects.stream(key, { start: 0, end: size - 20 })) hash.update(bytes)
  const found = hash.digest('hex')
  return found === pack.packId ? undefined : `its bytes hash to ${found}`
}

/** Reads every commit and tree behind `commitId` that was not seen before, and looks at every blob. */
async function walkHistory(
  parts: Parts,
  repo: Repository,
  commitId: string,
  seen: Set<string>,
): Promise<string | undefined> {
  const blobs = new Set<string>()
  const commits = [commitId]
  for (let id = commits.pop(); id !== undefined; id = commits.pop()) {
    if (seen.has(id)) continue
    seen.add(id)
    const commit = await parts.git.commit(repo.id, id)
    commits.push(...commit.parents)
    const trees = [commit.tree]
    for (let tree = trees.pop(); tree !== undefined; tree = trees.pop()) {
      if (seen.has(tree)) continue
      seen.add(tree)
      for (const entry of (await parts.git.tree(repo.id, tree)).entries()) {
        if (entry.mode === '40000') trees.push(entry.oid)
        else if (entry.mode !== '160000' && !seen.has(entry.oid)) blobs.add(entry.oid)
        if (blobs.size >= blobsAtOnce) {
          const words = await checkBlobs(parts, repo, blobs, seen)
          if (words !== undefined) return words
        }
      }
    }
  }
  return checkBlobs(parts, repo, blobs, seen)
}

async function checkBlobs(
  parts: Parts,
  repo: Repository,
  blobs: Set<string>,
  seen: Set<string>,
): Promise<string | undefined> {
  const facts = await parts.git.blobFacts(repo.id, [...blobs])
  for (const oid of blobs) seen.add(oid)
  blobs.clear()
  const pointers = [...facts.values()].flatMap(fact => (fact.lfs ? [fact.lfs] : []))
  const files = await parts.blobs.describe(repo.id, new Set(pointers.map(pointer => pointer.sha256)))
  const lost = pointers.find(pointer => files.get(pointer.sha256)?.size !== pointer.size)
  return (
    lost && `needs the file sha256 ${lost.sha256} of ${lost.size} bytes, which the repository does not hold`
  )
}

async function sayFault(check: () => Promise<string | undefined>): Promise<string | undefined> {
  try {
    return await check()
  } catch (error) {
    if (error instanceof HubError) return error.message
    throw error
  }
}
