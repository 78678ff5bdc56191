import { LRUCache } from 'lru-cache'
import { LimitExceeded } from '../../kernel/errors.ts'
import type { Repository } from '../../kernel/repository.ts'
import { EntryNotFound } from './errors.ts'
import type { RepoParts } from './parts.ts'

/** One path of a commit. `oid` is the blob's or the tree's. */
export interface PathEntry {
  readonly path: string
  readonly type: 'file' | 'directory'
  readonly oid: string
}

type Parts = Pick<RepoParts, 'git'>

/** The entry at `path`; the root is a directory. Undefined when there is none. */
export async function findPath(
  parts: Parts,
  repo: Repository,
  commitId: string,
  path: string,
): Promise<PathEntry | undefined> {
  let oid = (await parts.git.commit(repo.id, commitId)).tree
  if (path === '') return { path, type: 'directory', oid }
  const segments = path.split('/')
  for (const [index, segment] of segments.entries()) {
    const entry = (await parts.git.tree(repo.id, oid)).byName.get(segment)
    if (!entry || entry.mode === submoduleMode) return undefined
    const isDirectory = entry.mode === directoryMode
    if (index === segments.length - 1)
      return { path, type: isDirectory ? 'directory' : 'file', oid: entry.oid }
    if (!isDirectory) return undefined
    oid = entry.oid
  }
  return undefined
}

/**
 * What lies in a folder, in git's order; with `recursive` all that lies below, each folder before what it holds.
 * Throws EntryNotFound when `path` is no folder, LimitExceeded when too much lies below.
 */
export async function listTree(
  parts: Parts,
  repo: Repository,
  commitId: string,
  path: string,
  recursive: boolean,
): Promise<readonly PathEntry[]> {
  const folder = await findPath(parts, repo, commitId, path)
  if (folder?.type !== 'directory') throw new EntryNotFound(path, commitId)
  const relative = recursive
    ? await walkCached(parts, repo, folder.oid)
    : await children(parts, repo, folder.oid)
  return path === '' ? relative : relative.map(entry => ({ ...entry, path: `${path}/${entry.path}` }))
}

/** Every file of a commit; of one with too many to list, those of its root folder. */
export async function listFiles(parts: Parts, repo: Repository, commitId: string): Promise<PathEntry[]> {
  const list = (recursive: boolean) => listTree(parts, repo, commitId, '', recursive)
  const entries = await list(true).catch(error => {
    if (error instanceof LimitExceeded) return list(false)
    throw error
  })
  return entries.filter(entry => entry.type === 'file')
}

/**
 * What one recursive listing may take in memory: half a million entries of the usual length. A few small trees that
 * hold each other many times over stand for billions of paths.
 */
const listingLimit = 100_000_000
const bytesPerEntry = 100

/** Whole listings by tree, which never change; the most recent ones. */
const listings = new LRUCache<string, readonly PathEntry[]>({ maxSize: listingLimit })

async function walkCached(parts: Parts, repo: Repository, treeId: string): Promise<readonly PathEntry[]> {
  const key = `${repo.id}/${treeId}`
  const known = listings.get(key)
  if (known) return known
  const listing = { entries: [] as PathEntry[], bytes: 1 }
  await walk(parts, repo, treeId, '', listing)
  listings.set(key, listing.entries, { size: listing.bytes })
  return listing.entries
}

async function walk(
  parts: Parts,
  repo: Repository,
  treeId: string,
  prefix: string,
  into: { readonly entries: PathEntry[]; bytes: number },
): Promise<void> {
  for (const entry of await children(parts, repo, treeId)) {
    const path = prefix + entry.path
    into.bytes += bytesPerEntry + path.length
    if (into.bytes > listingLimit)
      throw new LimitExceeded('a recursive listing', listingLimit, 'bytes; list one folder at a time')
    into.entries.push({ ...entry, path })
    if (entry.type === 'directory') await walk(parts, repo, entry.oid, `${path}/`, into)
  }
}

async function children(parts: Parts, repo: Repository, treeId: string): Promise<PathEntry[]> {
  const { entries } = await parts.git.tree(repo.id, treeId)
  return entries
    .filter(entry => entry.mode !== submoduleMode)
    .map(entry => ({
      path: entry.name,
      type: entry.mode === directoryMode ? 'directory' : 'file',
      oid: entry.oid,
    }))
}

const directoryMode = '40000'
/** Another repository's commit: nothing of ours to list or serve. */
const submoduleMode = '160000'
