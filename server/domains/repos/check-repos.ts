import { createHash } from 'node:crypto'
import { PackIndex } from '../../formats/pack-index.ts'
import { HubError } from '../../kernel/errors.ts'
import { type Repository, repoId } from '../../kernel/repository.ts'
import type { CheckReport, DamagedFiles } from '../blobs/index.ts'
import { packKey } from './packs.ts'
import type { RepoParts } from './parts.ts'
import { allRefs, allRepoIds, type Pack, packsOf, reposById } from './store.ts'
import { strayPacks } from './stray-packs.ts'

type Parts = Pick<RepoParts, 'database' | 'objects' | 'clock' | 'git' | 'blobs'>

interface Options {
  readonly deep: boolean
  /** What the check of the blobs has found: here it is said which paths that concerns. */
  readonly damaged: DamagedFiles
}

const reposAtOnce = 100
const blobsAtOnce = 1000
/** What was stored so recently may be on its way to its row. */
const youngMs = 60 * 60 * 1000

/**
 * Proves that every ref reaches complete history in packs that are there, and every LFS pointer in it a file that the
 * repository holds, whole. `deep` also hashes the packs. Holds the names of one repository's objects.
 */
export async function checkRepos(parts: Parts, options: Options, report: CheckReport): Promise<void> {
  const ids = await allRepoIds(parts.database.sql)
  for (let at = 0; at < ids.length; at += reposAtOnce) {
    const repos = await reposById(parts.database.sql, ids.slice(at, at + reposAtOnce))
    for (const [index, repo] of repos.entries()) {
      await checkRepo(parts, repo, options, report)
      report.progress('repositories', at + index + 1, ids.length)
    }
  }
  for await (const packs of strayPacks(parts, parts.clock() - youngMs)) {
    for (const { repoId, packId } of packs) {
      const subject = `object ${packKey(repoId, packId, 'pack')}`
      const words = 'no row knows this pack; gc deletes it after its grace period'
      report.finding({ severity: 'notice', subject, words })
    }
  }
}

async function checkRepo(
  parts: Parts,
  repo: Repository,
  options: Options,
  report: CheckReport,
): Promise<void> {
  const fault: Fault = (what, words) =>
    report.finding({ severity: 'error', subject: `${repo.type} ${repoId(repo)} (${repo.id}) ${what}`, words })
  for (const pack of await packsOf(parts.database.sql, repo.id)) {
    const words = await sayFault(() => checkPack(parts, repo, pack, options.deep))
    if (words === undefined) continue
    // Merged into another one meanwhile, and collected.
    const isStill = (await packsOf(parts.database.sql, repo.id)).some(({ packId }) => packId === pack.packId)
    if (isStill) fault(`pack ${pack.packId}`, words)
  }
  const seen = new Set<string>()
  for (const ref of await allRefs(parts.database.sql, repo.id)) {
    const walk = { parts, repo, seen, damaged: options.damaged, fault }
    const words = await sayFault(async () => {
      if ((await parts.git.peel(repo.id, ref.oid)) !== ref.commitId) {
        return `names object ${ref.oid}, which is not commit ${ref.commitId} nor a tag of it`
      }
      await walkHistory(walk, ref.commitId)
      return undefined
    })
    // Deleted meanwhile, or with all of the repository.
    const isStill =
      words !== undefined &&
      (await allRefs(parts.database.sql, repo.id)).some(({ name }) => name === ref.name)
    if (isStill) fault(`ref ${ref.name}`, words)
  }
}

type Fault = (what: string, words: string) => void

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
  const indexBytes = await parts.objects.read(indexKey, 0, indexSize)
  const index = await sayFault(async () => new PackIndex(indexBytes, { verifyChecksum: deep }))
  if (typeof index === 'string') return `object ${indexKey} is damaged: ${index}`
  if (index.packId !== pack.packId) return `object ${indexKey} is the index of pack ${index.packId}`
  const trailer = Buffer.from(await parts.objects.read(key, size - 20, size)).toString('hex')
  if (trailer !== pack.packId) return `object ${key} ends with the hash ${trailer}, not its own`
  if (!deep) return undefined
  const hash = createHash('sha1')
  for await (const bytes of parts.objects.stream(key, { start: 0, end: size - 20 })) hash.update(bytes)
  const found = hash.digest('hex')
  return found === pack.packId ? undefined : `object ${key} is damaged: its bytes hash to ${found}`
}

interface Walk {
  readonly parts: Parts
  readonly repo: Repository
  /** Objects that were looked at. */
  readonly seen: Set<string>
  readonly damaged: DamagedFiles
  readonly fault: Fault
}

/** Reads every commit and tree behind `commitId` that was not seen before, and looks at every blob. */
async function walkHistory(walk: Walk, commitId: string): Promise<void> {
  const { parts, repo, seen } = walk
  const blobs = new Map<string, Place>()
  const commits = [commitId]
  for (let id = commits.pop(); id !== undefined; id = commits.pop()) {
    if (seen.has(id)) continue
    seen.add(id)
    const commit = await parts.git.commit(repo.id, id)
    commits.push(...commit.parents)
    const trees = [{ oid: commit.tree, prefix: '' }]
    for (let tree = trees.pop(); tree !== undefined; tree = trees.pop()) {
      if (seen.has(tree.oid)) continue
      seen.add(tree.oid)
      for (const { mode, name, oid } of (await parts.git.tree(repo.id, tree.oid)).entries()) {
        const path = tree.prefix + name
        if (mode === '40000') trees.push({ oid, prefix: `${path}/` })
        else if (mode !== '160000' && !seen.has(oid)) blobs.set(oid, { path, commitId: id })
        if (blobs.size >= blobsAtOnce) await checkBlobs(walk, blobs)
      }
    }
  }
  await checkBlobs(walk, blobs)
}

/** Where a blob was first seen. */
interface Place {
  readonly path: string
  readonly commitId: string
}

async function checkBlobs(
  { parts, repo, seen, damaged, fault }: Walk,
  blobs: Map<string, Place>,
): Promise<void> {
  const facts = await parts.git.blobFacts(repo.id, [...blobs.keys()])
  const sha256s = [...facts.values()].flatMap(fact => fact.lfs?.sha256 ?? [])
  const files = await parts.blobs.describe(repo.id, new Set(sha256s))
  for (const [oid, { path, commitId }] of blobs) {
    seen.add(oid)
    const lfs = facts.get(oid)?.lfs
    if (!lfs) continue
    const file = files.get(lfs.sha256)
    const what = `file ${path} (commit ${commitId})`
    const needs = `needs sha256 ${lfs.sha256} of ${lfs.size} bytes, `
    if (file?.size !== lfs.size) fault(what, `${needs}which the repository does not hold`)
    else if (file.state === 'refuted') fault(what, `${needs}but what was uploaded for it hashes otherwise`)
    else if (damaged.has(file.fileHash)) fault(what, `${needs}which is damaged: see file or xorb above`)
  }
  blobs.clear()
}

async function sayFault<T>(check: () => Promise<T>): Promise<T | string> {
  try {
    return await check()
  } catch (error) {
    if (error instanceof HubError) return error.message
    throw error
  }
}
