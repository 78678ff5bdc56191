import { dirname } from 'node:path'
import type { Random } from './random.ts'

/**
 * A disk that remembers what was synced. POSIX promises no more than this: fsync of a file keeps its bytes, fsync of a
 * folder keeps the names in it, and of what was not synced any part may survive a power cut, in any order, writes torn
 * at any byte.
 */
type Node = File | Folder

class File {
  readonly kind = 'file'
  bytes: Buffer = Buffer.alloc(0)
  synced: Buffer = Buffer.alloc(0)
  /** Since the last sync. */
  writes: { readonly at: number; readonly bytes: Buffer }[] = []
}

class Folder {
  readonly kind = 'folder'
  names = new Map<string, Node>()
  synced = new Map<string, Node>()
  /** Since the last sync; a name without node was removed. */
  changes: { readonly name: string; readonly node: Node | undefined }[] = []

  set(name: string, node: Node | undefined): void {
    if (node) this.names.set(name, node)
    else this.names.delete(name)
    this.changes.push({ name, node })
  }
}

export class ModelDisk {
  readonly root = new Folder()
  /** Called before each operation that changes something, and for each that syncs. */
  onOperation: () => void = () => {}
  /** May keep an operation waiting. */
  hold: () => Promise<void> | undefined = () => undefined
  /** Turns each operation takes, so that those that run at once meet in every order. */
  turns: () => number = () => 0
  /** A disk that says it has synced this and has not. */
  lies: (kind: 'file' | 'folder', path: string) => boolean = () => false
  /** Paths synced so far. */
  readonly syncs: { kind: 'file' | 'folder'; path: string }[] = []
  hasLinks = true

  /** What a power cut now may leave: each unsynced change survives with `chance`. */
  afterPowerCut(random: Random, chance: number): ModelDisk {
    const copies = new Map<Node, Node>()
    const survives = () => random.next() < chance
    const copy = (node: Node): Node => {
      const known = copies.get(node)
      if (known) return known
      if (node.kind === 'file') {
        const file = new File()
        copies.set(node, file)
        file.bytes = survivingBytes(node, random, survives)
        file.synced = file.bytes
        return file
      }
      const folder = new Folder()
      copies.set(node, folder)
      fill(node, folder)
      return folder
    }
    const fill = (from: Folder, to: Folder) => {
      const names = new Map(from.synced)
      for (const { name, node } of from.changes) {
        if (!survives()) continue
        if (node) names.set(name, node)
        else names.delete(name)
      }
      for (const [name, node] of names) to.names.set(name, copy(node))
      to.synced = new Map(to.names)
    }
    const disk = new ModelDisk()
    disk.hasLinks = this.hasLinks
    fill(this.root, disk.root)
    return disk
  }

  /** Every file, by path. */
  files(): Map<string, Buffer> {
    const found = new Map<string, Buffer>()
    const walk = (folder: Folder, path: string) => {
      for (const [name, node] of folder.names) {
        if (node.kind === 'file') found.set(`${path}/${name}`, node.bytes)
        else walk(node, `${path}/${name}`)
      }
    }
    walk(this.root, '')
    return found
  }

  find(path: string): Node | undefined {
    let node: Node = this.root
    for (const name of path.split('/').filter(Boolean)) {
      if (node.kind === 'file') throw failure('ENOTDIR', path)
      const next = node.names.get(name)
      if (!next) return undefined
      node = next
    }
    return node
  }

  folderOf(path: string): Folder {
    const folder = this.find(dirname(path))
    if (folder?.kind !== 'folder') throw failure('ENOENT', path)
    return folder
  }

  sync(path: string, node: Node): void {
    this.syncs.push({ kind: node.kind, path })
    if (this.lies(node.kind, path)) return
    if (node.kind === 'file') {
      node.synced = node.bytes
      node.writes = []
    } else {
      node.synced = new Map(node.names)
      node.changes = []
    }
  }
}

/** Each write is there, not there, there in part, or as zeros: its length came to the disk and its bytes did not. */
function survivingBytes(file: File, random: Random, survives: () => boolean): Buffer {
  let bytes = file.synced
  for (const write of file.writes) {
    if (!survives()) continue
    const isTorn = !survives()
    const kept = isTorn ? random.below(write.bytes.length + 1) : write.bytes.length
    const end = isTorn && random.next() < 0.5 ? write.at + kept : write.at + write.bytes.length
    const next = Buffer.alloc(Math.max(bytes.length, end))
    bytes.copy(next)
    write.bytes.copy(next, write.at, 0, kept)
    bytes = next
  }
  return bytes
}

export function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code })
}
