import { constants } from 'node:fs'
import { basename } from 'node:path'
import { failure, ModelDisk } from './model-disk.ts'

/**
 * node:fs/promises over the mounted model disk, as far as the filesystem driver calls it. A call that it does not know
 * is missing, and whoever makes it learns so.
 */
let disk = new ModelDisk()

export function mount(mounted: ModelDisk): void {
  disk = mounted
}

/** Before a change: somebody may pull the plug here. */
async function change(): Promise<void> {
  for (let turns = disk.turns(); turns > 0; turns--) await undefined
  await disk.hold()
  disk.onOperation()
}

type Found = NonNullable<ReturnType<ModelDisk['find']>>

function mustFind(path: string): Found {
  const node = disk.find(path)
  if (!node) throw failure('ENOENT', path)
  return node
}

class Handle {
  readonly #path: string
  readonly #node: Found

  constructor(path: string, node: Found) {
    this.#path = path
    this.#node = node
  }

  async #append(bytes: Uint8Array): Promise<void> {
    await change()
    const file = this.#node
    if (file.kind !== 'file') throw failure('EISDIR', this.#path)
    const copy = Buffer.from(bytes)
    file.writes.push({ at: file.bytes.length, bytes: copy })
    file.bytes = Buffer.concat([file.bytes, copy])
  }

  async writeFile(content: Uint8Array | AsyncIterable<Uint8Array>): Promise<void> {
    if (content instanceof Uint8Array) return await this.#append(content)
    for await (const bytes of content) await this.#append(bytes)
  }

  /** Short now and then, as write(2) may be. */
  async writev(pieces: Uint8Array[]): Promise<{ bytesWritten: number }> {
    const all = Buffer.concat(pieces)
    const some = all.subarray(0, Math.max(1, all.length - disk.turns()))
    await this.#append(some)
    return { bytesWritten: some.length }
  }

  async write(
    bytes: Uint8Array,
    offset = 0,
    length = bytes.length - offset,
  ): Promise<{ bytesWritten: number }> {
    return await this.writev([bytes.subarray(offset, offset + length)])
  }

  async read(into: Uint8Array, offset: number, length: number, position: number) {
    const node = this.#node
    if (node.kind !== 'file') throw failure('EISDIR', this.#path)
    const bytes = node.bytes.subarray(position, position + length)
    into.set(bytes, offset)
    return { bytesRead: bytes.length }
  }

  async stat() {
    return statsOf(this.#node)
  }

  async sync(): Promise<void> {
    await change()
    disk.sync(this.#path, this.#node)
  }

  async close(): Promise<void> {}
}

/** All files are old. */
function statsOf(node: Found) {
  return {
    isFile: () => node.kind === 'file',
    size: node.kind === 'file' ? node.bytes.length : 0,
    mtimeMs: 0,
  }
}

type FileNode = Extract<Found, { kind: 'file' }>
type FolderNode = Extract<Found, { kind: 'folder' }>

function newFile(): FileNode {
  return { kind: 'file', bytes: Buffer.alloc(0), synced: Buffer.alloc(0), writes: [] }
}

function newFolder(): FolderNode {
  return new (disk.root.constructor as new () => FolderNode)()
}

export const modelFs = {
  async open(path: string, flags = 'r') {
    if (flags === 'r') return new Handle(path, mustFind(path))
    if (flags !== 'wx') throw failure('EINVAL', `${path} opened as ${flags}`)
    await change()
    if (disk.find(path)) throw failure('EEXIST', path)
    const file = newFile()
    disk.folderOf(path).set(basename(path), file)
    return new Handle(path, file)
  },

  async mkdir(path: string): Promise<string | undefined> {
    await change()
    let topmost: string | undefined
    let at = ''
    for (const name of path.split('/').filter(Boolean)) {
      const parent = mustFind(at || '/')
      at += `/${name}`
      if (parent.kind !== 'folder') throw failure('ENOTDIR', at)
      if (parent.names.has(name)) continue
      parent.set(name, newFolder())
      topmost ??= at
    }
    return topmost
  },

  async link(from: string, to: string): Promise<void> {
    await change()
    if (!disk.hasLinks) throw failure('EPERM', to)
    const folder = disk.folderOf(to)
    if (folder.names.has(basename(to))) throw failure('EEXIST', to)
    folder.set(basename(to), mustFind(from))
  },

  async rename(from: string, to: string): Promise<void> {
    await change()
    const node = mustFind(from)
    disk.folderOf(to).set(basename(to), node)
    disk.folderOf(from).set(basename(from), undefined)
  },

  async unlink(path: string): Promise<void> {
    await change()
    const folder = disk.folderOf(path)
    if (!folder.names.has(basename(path))) throw failure('ENOENT', path)
    folder.set(basename(path), undefined)
  },

  async copyFile(from: string, to: string, flags: number): Promise<void> {
    const handle = await modelFs.open(to, flags & constants.COPYFILE_EXCL ? 'wx' : 'w')
    const source = mustFind(from)
    if (source.kind === 'file') await handle.writeFile(source.bytes)
  },

  async stat(path: string) {
    return statsOf(mustFind(path))
  },

  async utimes(path: string): Promise<void> {
    mustFind(path)
  },

  async access(path: string): Promise<void> {
    mustFind(path)
  },

  async opendir(path: string) {
    const folder = mustFind(path)
    if (folder.kind !== 'folder') throw failure('ENOTDIR', path)
    const entries = [...folder.names].map(([name, node]) => ({
      name,
      isDirectory: () => node.kind === 'folder',
    }))
    return (async function* () {
      yield* entries
    })()
  },
}
