import { LRUCache } from 'lru-cache'
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
 * Throws EntryNotFound when `path` is no folder.
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

/** Whole listings by tree, which never change; the most recent ones, about 100 bytes an entry. */
const listings = new LRUCache<string, readonly PathEntry[]>({
  maxSize: 500_000,
  sizeCalculation: entries => entries.length + 1,
})

async function walkCached(parts: Parts, repo: Repository, treeId: string): Promise<readonly PathEntry[]> {
  const key = `${repo.id}/${treeId}`
  const known = listings.get(key)
  if (known) return known
  const entries: PathEntry[] = []
  await walk(parts, repo, treeId, '', entries)
  listings.set(key, entries)
  return entries
}

async function walk(
  parts: Parts,
  repo: Repository,
  treeId: string,
  prefix: string,
  into: PathEntry[],
): Promise<void> {
  for (const entry of await children(parts, repo, treeId)) {
    const path = prefix + entry.path
    into.push({ ...entry, path })
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
