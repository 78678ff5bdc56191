import { Tree, type TreeEntry } from '../../formats/git-tree.ts'
import { InvalidOperation } from './errors.ts'

const directoryMode = '40000'

/**
 * A tree being changed: only the directories along the touched paths are read, only the changed ones are written.
 * Paths are validated before (`formats/tree-path.ts`).
 */
export class TreeEdit {
  readonly #root: Directory
  readonly #readTree: ReadTree

  constructor(readTree: ReadTree, rootOid: string | undefined) {
    this.#readTree = readTree
    this.#root = new Directory(rootOid)
  }

  /** Puts a blob at `path`. A file where a folder stands (or the other way round) is refused: delete it first. */
  async put(path: string, mode: TreeEntry['mode'], oid: string): Promise<void> {
    const { directory, name } = await this.#directoryOf(path, 'create')
    const present = directory.find(name)
    if (present && isDirectory(present))
      throw new InvalidOperation(`"${path}" is a folder; delete it before adding a file there`)
    directory.changes.set(name, { mode, name, oid })
    directory.changed = true
  }

  /** Removes what is at `path`, a file or a folder with all that is in it. False when there is nothing. */
  async delete(path: string): Promise<boolean> {
    return this.#delete(path, () => true)
  }

  /** Removes a folder with all that is in it. False when there is none at `path`. */
  async deleteFolder(path: string): Promise<boolean> {
    return this.#delete(path, isDirectory)
  }

  /** The blob at `path`, as edited so far. */
  async find(path: string): Promise<TreeEntry | undefined> {
    const place = await this.#directoryOf(path, 'look')
    const entry = place?.directory.find(place.name)
    return entry && !isDirectory(entry) ? (entry as TreeEntry) : undefined
  }

  /** Hands every changed tree to `add`, deepest first, which returns its id; returns the root's. Empty folders vanish. */
  async write(add: AddTree): Promise<string> {
    // A commit always has a tree, even one without files.
    return (await writeDirectory(this.#root, add)) ?? add(new Uint8Array())
  }

  async #delete(path: string, wanted: (entry: TreeEntry | Directory) => boolean): Promise<boolean> {
    const place = await this.#directoryOf(path, 'look')
    const entry = place?.directory.find(place.name)
    if (!place || !entry || !wanted(entry)) return false
    // Walk again to mark the way down as changed.
    const { directory } = await this.#directoryOf(path, 'create')
    directory.changes.set(place.name, undefined)
    directory.changed = true
    return true
  }

  async #directoryOf(path: string, purpose: 'create'): Promise<Place>
  async #directoryOf(path: string, purpose: 'look'): Promise<Place | undefined>
  async #directoryOf(path: string, purpose: 'create' | 'look'): Promise<Place | undefined> {
    const segments = path.split('/')
    const name = segments.pop() as string
    let directory = await this.#load(this.#root)
    if (purpose === 'create') directory.changed = true
    for (const segment of segments) {
      const entry = directory.find(segment)
      if (entry && !isDirectory(entry)) {
        if (purpose === 'look') return undefined
        throw new InvalidOperation(
          `"${path}" lies under "${segment}", which is a file; delete it before adding files there`,
        )
      }
      if (!entry && purpose === 'look') return undefined
      const child = entry instanceof Directory ? entry : new Directory(entry?.oid)
      directory.changes.set(segment, child)
      directory = await this.#load(child)
      if (purpose === 'create') directory.changed = true
    }
    return { directory, name }
  }

  async #load(directory: Directory): Promise<Directory> {
    if (directory.oid !== undefined) directory.tree ??= await this.#readTree(directory.oid)
    return directory
  }
}

export type ReadTree = (oid: string) => Promise<Tree>

export type AddTree = (content: Uint8Array) => Promise<string>

interface Place {
  directory: Directory
  name: string
}

/** A folder as it was, and what was changed or looked into in it since. */
class Directory {
  readonly oid: string | undefined
  /** Read when somebody looks into it; absent for a new folder. */
  tree: Tree | undefined
  /** By name; undefined is deleted. */
  readonly changes = new Map<string, TreeEntry | Directory | undefined>()
  changed = false

  constructor(oid: string | undefined) {
    this.oid = oid
  }

  find(name: string): TreeEntry | Directory | undefined {
    return this.changes.has(name) ? this.changes.get(name) : this.tree?.find(name)
  }
}

function isDirectory(entry: TreeEntry | Directory): boolean {
  return entry instanceof Directory || entry.mode === directoryMode
}

/** Undefined when nothing is left in it. */
async function writeDirectory(directory: Directory, add: AddTree): Promise<string | undefined> {
  if (!directory.changed) return directory.oid
  const changes = new Map<string, TreeEntry | undefined>()
  for (const [name, entry] of directory.changes) {
    if (!(entry instanceof Directory)) {
      changes.set(name, entry)
      continue
    }
    const oid = await writeDirectory(entry, add)
    changes.set(name, oid === undefined ? undefined : { mode: directoryMode, name, oid })
  }
  const content = (directory.tree ?? new Tree(new Uint8Array())).with(changes)
  return content.length === 0 ? undefined : add(content)
}
