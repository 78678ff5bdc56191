import { setImmediate } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import type { Tree, TreeEntry } from '../../formats/git-tree.ts'
import { LimitExceeded, MalformedInput } from '../../kernel/errors.ts'
import type { Repository } from '../../kernel/repository.ts'
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
    const entry = (await parts.git.tree(repo.id, oid)).find(segment)
    if (!entry || entry.mode === submoduleMode) return undefined
    const isDirectory = entry.mode === directoryMode
    if (index === segments.length - 1)
      return { path, type: isDirectory ? 'directory' : 'file', oid: entry.oid }
    if (!isDirectory) return undefined
    oid = entry.oid
  }
  return undefined
}

/** Folders in folders. Keeps a position short enough for a cursor. */
const depthLimit = 256

/** Where a walk stands: in each folder from the outermost in, the position of the entry that comes next. */
export type WalkPosition = readonly number[]

/**
 * Goes through what lies in a folder, in git's order; with `recursive` through all that lies below, each folder before
 * what it holds. Can be taken up anywhere, at the cost of one look into each folder on the way, so that nobody has to
 * hold a whole listing: a few small trees that hold each other many times over stand for billions of paths.
 */
export class TreeWalk {
  readonly #parts: Parts
  readonly #repo: Repository
  readonly #recursive: boolean
  /** From the outermost folder in. */
  readonly #levels: { readonly tree: Tree; readonly prefix: string; next: number }[] = []

  private constructor(parts: Parts, repo: Repository, recursive: boolean) {
    this.#parts = parts
    this.#repo = repo
    this.#recursive = recursive
  }

  /** Throws MalformedInput for a position that is none of this folder's. */
  static async start(
    parts: Parts,
    repo: Repository,
    folder: { readonly path: string; readonly oid: string },
    recursive: boolean,
    [first = 0, ...inner]: WalkPosition = [],
  ): Promise<TreeWalk> {
    const walk = new TreeWalk(parts, repo, recursive)
    await walk.#enter(folder.oid, folder.path === '' ? '' : `${folder.path}/`, first)
    for (const next of inner) {
      const { tree, prefix, next: after } = walk.#levels.at(-1)!
      const entry = tree.at(after - 1)
      if (entry?.mode !== directoryMode)
        throw new MalformedInput('cursor', 'does not lead to a folder of this listing')
      await walk.#enter(entry.oid, `${prefix}${entry.name}/`, next)
    }
    return walk
  }

  get position(): WalkPosition {
    return this.#levels.map(level => level.next)
  }

  /** Undefined at the end. Throws LimitExceeded where folders are in folders too deep. */
  async next(): Promise<PathEntry | undefined> {
    for (let level = this.#levels.at(-1); level; level = this.#levels.at(-1)) {
      const entry = level.tree.at(level.next)
      if (!entry) {
        this.#levels.pop()
        continue
      }
      level.next++
      if (entry.mode === submoduleMode) continue
      const path = level.prefix + entry.name
      const isDirectory = entry.mode === directoryMode
      if (isDirectory && this.#recursive) await this.#enter(entry.oid, `${path}/`, 0)
      return { path, type: isDirectory ? 'directory' : 'file', oid: entry.oid }
    }
    return undefined
  }

  async #enter(oid: string, prefix: string, next: number): Promise<void> {
    if (this.#levels.length === depthLimit)
      throw new LimitExceeded('a recursive listing', depthLimit, 'folders in folders; list one at a time')
    this.#levels.push({ tree: await this.#parts.git.tree(this.#repo.id, oid), prefix, next })
  }
}

/** The files below a folder, in git's order. */
interface FileList {
  readonly files: readonly PathEntry[]
  /** What they take in memory, and those of them that lie in the folder itself: others belong to lists of their own. */
  readonly bytes: number
  readonly ownBytes: number
}

/** Some 200,000 files. A few small trees that hold each other many times over stand for billions. */
const fileListLimit = 50_000_000
const bytesPerFile = 200
/** What is in memory is read without a pause, so others are let in. */
const foldersAtOnce = 64

/** Lists by tree and place, which never change: a commit makes anew those of the folders that it changed. */
const fileLists = new LRUCache<string, FileList>({
  maxSize: 16 * 1024 * 1024,
  sizeCalculation: list => list.ownBytes + list.files.length * 8 + 500,
})
/** Roots that were found to hold too many. */
const tooLarge = new LRUCache<string, true>({ max: 1000 })

/** Every file of a commit; of one with too many to list, those of its root folder. */
export async function listFiles(
  parts: Parts,
  repo: Repository,
  commitId: string,
): Promise<readonly PathEntry[]> {
  const { tree } = await parts.git.commit(repo.id, commitId)
  const key = `${repo.id}/${tree}`
  if (!tooLarge.get(key)) {
    try {
      return (await filesBelow(parts, repo, tree, '', { depth: 0, folders: 0 })).files
    } catch (error) {
      if (!(error instanceof LimitExceeded)) throw error
      tooLarge.set(key, true)
    }
  }
  const entries = (await parts.git.tree(repo.id, tree)).entries()
  return entries.filter(isFile).map(({ name, oid }) => ({ path: name, type: 'file', oid }))
}

async function filesBelow(
  parts: Parts,
  repo: Repository,
  treeId: string,
  prefix: string,
  walk: { depth: number; folders: number },
): Promise<FileList> {
  const key = `${repo.id}/${treeId}/${prefix}`
  const known = fileLists.get(key)
  if (known) return known
  if (walk.depth === depthLimit)
    throw new LimitExceeded('a list of all files', depthLimit, 'folders in folders')
  if (++walk.folders % foldersAtOnce === 0) await setImmediate()
  walk.depth++
  const files: PathEntry[] = []
  let bytes = 0
  let ownBytes = 0
  for (const entry of (await parts.git.tree(repo.id, treeId)).entries()) {
    const path = prefix + entry.name
    if (isFile(entry)) {
      files.push({ path, type: 'file', oid: entry.oid })
      bytes += bytesPerFile + path.length
      ownBytes += bytesPerFile + path.length
    } else if (entry.mode === directoryMode) {
      const below = await filesBelow(parts, repo, entry.oid, `${path}/`, walk)
      for (const file of below.files) files.push(file)
      bytes += below.bytes
    }
    if (bytes > fileListLimit) throw new LimitExceeded('a list of all files', fileListLimit, 'bytes')
  }
  walk.depth--
  const list = { files, bytes, ownBytes }
  fileLists.set(key, list)
  return list
}

function isFile({ mode }: TreeEntry): boolean {
  return mode !== directoryMode && mode !== submoduleMode
}

const directoryMode = '40000'
/** Another repository's commit: nothing of ours to list or serve. */
const submoduleMode = '160000'
