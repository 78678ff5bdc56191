import { encodeTree, type TreeEntry } from '../../formats/git-tree.ts'
import { InvalidOperation } from './errors.ts'

/** Entries of a directory by name, as a tree object holds them. */
type Entries = Map<string, TreeEntry | Directory>

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
    const present = directory.entries.get(name)
    if (present && isDirectory(present))
      throw new InvalidOperation(`"${path}" is a folder; delete it before adding a file there`)
    directory.entries.set(name, { mode, name, oid })
    directory.changed = true
  }

  /** Removes a file. False when there is none at `path`. */
  async deleteFile(path: string): Promise<boolean> {
    return this.#delete(path, entry => !isDirectory(entry))
  }

  /** Removes a folder with all that is in it. False when there is none at `path`. */
  async deleteFolder(path: string): Promise<boolean> {
    return this.#delete(path, isDirectory)
  }

  /** The blob at `path`, as edited so far. */
  async find(path: string): Promise<TreeEntry | undefined> {
    const place = await this.#directoryOf(path, 'look')
    const entry = place?.directory.entries.get(place.name)
    return entry && !isDirectory(entry) ? (entry as TreeEntry) : undefined
  }

  /** Hands every changed tree to `add`, deepest first, which returns its id; returns the root's. Empty folders vanish. */
  async write(add: AddTree): Promise<string> {
    // A commit always has a tree, even one without files.
    return (await writeDirectory(this.#root, add)) ?? add(encodeTree([]))
  }

  async #delete(path: string, wanted: (entry: TreeEntry | Directory) => boolean): Promise<boolean> {
    const place = await this.#directoryOf(path, 'look')
    const entry = place?.directory.entries.get(place.name)
    if (!place || !entry || !wanted(entry)) return false
    // Walk again to mark the way down as changed.
    const { directory } = await this.#directoryOf(path, 'create')
    directory.entries.delete(place.name)
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
      const entry = directory.entries.get(segment)
      if (entry && !isDirectory(entry)) {
        if (purpose === 'look') return undefined
        throw new InvalidOperation(
          `"${path}" lies under "${segment}", which is a file; delete it before adding files there`,
        )
      }
      if (!entry && purpose === 'look') return undefined
      const child = entry instanceof Directory ? entry : new Directory(entry?.oid)
      directory.entries.set(segment, child)
      directory = await this.#load(child)
      if (purpose === 'create') directory.changed = true
    }
    return { directory, name }
  }

  async #load(directory: Directory): Promise<LoadedDirectory> {
    if (!directory.entries) {
      const entries = directory.oid === undefined ? [] : await this.#readTree(directory.oid)
      directory.entries = new Map(entries.map(entry => [entry.name, entry]))
    }
    return directory as LoadedDirectory
  }
}

export type ReadTree = (oid: string) => Promise<readonly TreeEntry[]>

export type AddTree = (content: Uint8Array) => Promise<string>

interface Place {
  directory: LoadedDirectory
  name: string
}

type LoadedDirectory = Directory & { entries: Entries }

class Directory {
  readonly oid: string | undefined
  entries: Entries | undefined
  changed = false

  constructor(oid: string | undefined) {
    this.oid = oid
  }
}

function isDirectory(entry: TreeEntry | Directory): boolean {
  return entry instanceof Directory || entry.mode === directoryMode
}

/** Undefined when nothing is left in it. */
async function writeDirectory(directory: Directory, add: AddTree): Promise<string | undefined> {
  if (!directory.changed || !directory.entries) return directory.oid
  const entries: TreeEntry[] = []
  for (const [name, entry] of directory.entries) {
    if (!(entry instanceof Directory)) {
      entries.push(entry)
      continue
    }
    const oid = await writeDirectory(entry, add)
    if (oid !== undefined) entries.push({ mode: directoryMode, name, oid })
  }
  return entries.length === 0 ? undefined : add(encodeTree(entries))
}
