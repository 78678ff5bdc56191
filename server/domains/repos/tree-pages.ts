import { LRUCache } from 'lru-cache'
import type { Repository } from '../../kernel/repository.ts'
import { describePage } from './describe-entries.ts'
import { EntryNotFound } from './errors.ts'
import type { RepoParts } from './parts.ts'
import { findPath, type PathEntry, TreeWalk, type WalkPosition } from './tree-listing.ts'

type Parts = Pick<RepoParts, 'git' | 'blobs'>

export interface Listing {
  readonly commitId: string
  readonly path: string
  /** All that lies below too. */
  readonly recursive: boolean
  /** With the last commit of each entry. */
  readonly expand: boolean
}

/** One page of a listing. */
export interface TreePage {
  /** JSON of the described entries, as bytes. */
  readonly json: Uint8Array
  /** Where the next page starts. */
  readonly next: WalkPosition | undefined
}

/** A page ends early where its paths have so many bytes. */
const pathBytesLimit = 1024 * 1024

/** Trees and commits never change, so neither do pages of them. */
const pages = new LRUCache<string, TreePage>({
  maxSize: 16 * 1024 * 1024,
  sizeCalculation: page => page.json.length + 500,
})

/** At most `limit` entries from `from` on. Throws EntryNotFound when `path` is no folder. */
export async function treePage(
  parts: Parts,
  repo: Repository,
  listing: Listing,
  from: WalkPosition,
  limit: number,
): Promise<TreePage> {
  const { commitId, path, recursive, expand } = listing
  const folder = await findPath(parts, repo, commitId, path)
  if (folder?.type !== 'directory') throw new EntryNotFound(path, commitId)
  // Last commits are of one commit; all else is the same wherever this tree stands at this path.
  const key = JSON.stringify([repo.id, folder.oid, path, recursive, expand && commitId, from, limit])
  const known = pages.get(key)
  if (known) return known
  const walk = await TreeWalk.start(parts, repo, folder, recursive, from)
  const { entries, next } = await takePage(walk, limit)
  const described = await describePage(parts, repo, commitId, entries, expand)
  const page = { json: Buffer.from(JSON.stringify(described.entries)), next }
  if (described.isFinal) pages.set(key, page)
  return page
}

async function takePage(
  walk: TreeWalk,
  limit: number,
): Promise<{ entries: PathEntry[]; next: WalkPosition | undefined }> {
  const entries: PathEntry[] = []
  let pathBytes = 0
  for (;;) {
    const next = walk.position
    const entry = await walk.next()
    if (!entry) return { entries, next: undefined }
    if (entries.length === limit || (pathBytes > pathBytesLimit && entries.length > 0))
      return { entries, next }
    entries.push(entry)
    pathBytes += entry.path.length
  }
}
