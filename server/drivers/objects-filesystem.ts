import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import {
  access,
  copyFile,
  type FileHandle,
  link,
  mkdir,
  open,
  opendir,
  rename,
  utimes,
} from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { LRUCache } from 'lru-cache'
import { MalformedInput } from '../kernel/errors.ts'
import { storageFault } from '../kernel/storage-faults.ts'
import {
  type ListedObject,
  ObjectMissing,
  ObjectShort,
  type ObjectStore,
  type StagedObject,
} from '../ports/objects.ts'
import { makeFolder, syncFolder, syncFolders } from './durable-folders.ts'
import { cannotLink, codeOf, isMissing, statOrUndefined, unlinkIfThere } from './file-errors.ts'
import { OpenFiles } from './open-files.ts'
import { StagedFile } from './staged-file.ts'

const pieceBytes = 1024 * 1024
const staleTempMs = 24 * 3600 * 1000
const listBatch = 64
const openFiles = 128
const openFileIdleMs = 10_000

/**
 * Objects as files. A key is a path below the root:
 *
 *     <root>/xorbs/ab/abcdef…   an object, mode 0444, never written again
 *     <root>/.tmp/1f2e3d…       an object on its way in; what a crash leaves here goes away at a start, a day later
 *
 * An object is written and synced under `.tmp`, linked to its name (which fails where the name is taken, so nothing
 * is ever replaced), and then its folder is synced, with those above it that this process has not seen to be durable.
 */
export async function openFilesystemObjects(root: string): Promise<ObjectStore> {
  const store = new FilesystemObjects(resolve(root))
  await store.open()
  return store
}

class FilesystemObjects implements ObjectStore {
  readonly #root: string
  readonly #temp: string
  readonly #files = new OpenFiles(openFiles, openFileIdleMs)
  /** Folders whose own name is known to survive a power cut. Folders are never removed. */
  readonly #durable = new LRUCache<string, true>({ max: 100_000 })

  constructor(root: string) {
    this.#root = root
    this.#temp = join(root, '.tmp')
  }

  async open(): Promise<void> {
    await makeFolder(this.#temp)
    const tooOld = Date.now() - staleTempMs
    for await (const entry of await opendir(this.#temp)) {
      const path = join(this.#temp, entry.name)
      const found = await statOrUndefined(path)
      if (found?.isFile() && found.mtimeMs < tooOld) await unlinkIfThere(path)
    }
  }

  async put(key: string, bytes: Uint8Array | AsyncIterable<Uint8Array>): Promise<'stored' | 'existed'> {
    const path = this.#path(key)
    if (await this.#exists(key, path)) return this.#keep(path)
    const temp = this.#newTemp()
    try {
      await writeNew(temp, bytes)
      return await this.#publish(temp, path)
    } catch (error) {
      throw storageFault(error)
    } finally {
      await unlinkIfThere(temp)
    }
  }

  async stage(): Promise<StagedObject> {
    return await StagedFile.open(this.#newTemp(), {
      commit: async (temp, key) => {
        const path = this.#path(key)
        return (await this.#exists(key, path)) ? this.#keep(path) : this.#publish(temp, path)
      },
      replace: async (temp, key) => {
        const path = this.#path(key)
        await this.#exists(key, path)
        await this.#makeDurable(dirname(path))
        await rename(temp, path)
        await syncFolder(dirname(path))
        this.#files.forget(path)
      },
    })
  }

  #newTemp(): string {
    return join(this.#temp, randomBytes(12).toString('hex'))
  }

  async #exists(key: string, path: string): Promise<boolean> {
    const found = await statOrUndefined(path)
    if (found && !found.isFile()) throw new Error(`object key ${key} is the folder of other objects`)
    return found !== undefined
  }

  /** Gives the written and synced file `temp` its name. */
  async #publish(temp: string, path: string): Promise<'stored' | 'existed'> {
    const folder = dirname(path)
    await this.#makeDurable(folder)
    const isNew = await linkNew(temp, path)
    await syncFolder(folder)
    return isNew ? 'stored' : 'existed'
  }

  /**
   * What is there may have been put by another process a moment ago: its name must be durable too. The folders above it
   * were before it got that name.
   */
  async #keep(path: string): Promise<'existed'> {
    await utimes(path, new Date(), new Date())
    await syncFolder(dirname(path))
    return 'existed'
  }

  async *stream(key: string, range?: { start: number; end: number }): AsyncIterable<Uint8Array> {
    const path = this.#path(key)
    if (range) checkRange(range.start, range.end)
    const handle = await open(path, 'r').catch(error => {
      throw isMissing(error) ? new ObjectMissing(key) : error
    })
    try {
      const found = await handle.stat()
      if (!found.isFile()) throw new ObjectMissing(key)
      const size = found.size
      const end = range?.end ?? size
      if (end > size) throw new ObjectShort(key, end)
      for (let position = range?.start ?? 0; position < end; position += pieceBytes) {
        yield await readExactly(handle, key, position, Math.min(position + pieceBytes, end))
      }
    } finally {
      await handle.close()
    }
  }

  async read(key: string, start: number, end: number, into?: Uint8Array): Promise<Uint8Array> {
    checkRange(start, end)
    try {
      return await this.#files.use(this.#path(key), handle => readExactly(handle, key, start, end, into))
    } catch (error) {
      throw isMissing(error) ? new ObjectMissing(key) : error
    }
  }

  async size(key: string): Promise<number | undefined> {
    const found = await statOrUndefined(this.#path(key))
    return found?.isFile() ? found.size : undefined
  }

  async delete(key: string): Promise<void> {
    const path = this.#path(key)
    await unlinkIfThere(path)
    this.#files.forget(path)
  }

  async *list(prefix: string): AsyncIterable<ListedObject> {
    if (prefix !== '') checkKey(prefix.endsWith('/') ? prefix.slice(0, -1) : '', prefix)
    yield* this.#walk(prefix)
  }

  async copy(from: string, to: string): Promise<'stored' | 'existed'> {
    const source = this.#path(from)
    const path = this.#path(to)
    try {
      if (await this.#exists(to, path)) return await this.#keep(path)
      // Before it gets the name, so that nobody takes what is new for old garbage.
      await utimes(source, new Date(), new Date())
      await this.#makeDurable(dirname(path))
      await link(source, path)
      await syncFolder(dirname(path))
      return 'stored'
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return await this.#keep(path)
      if (cannotLink(error)) return await this.put(to, this.stream(from))
      if (isMissing(error) && !(await statOrUndefined(source))) throw new ObjectMissing(from)
      throw storageFault(error)
    }
  }

  async materialise(key: string, path: string): Promise<void> {
    const source = this.#path(key)
    try {
      await linkOrCopy(source, path)
    } catch (error) {
      if (!isMissing(error)) throw error
      if (!(await statOrUndefined(source))) throw new ObjectMissing(key)
      await mkdir(dirname(path), { recursive: true })
      await linkOrCopy(source, path)
    }
  }

  async ping(): Promise<void> {
    await access(this.#temp, constants.W_OK)
  }

  async close(): Promise<void> {
    this.#files.close()
  }

  #path(key: string): string {
    checkKey(key, key)
    return join(this.#root, key)
  }

  /** Makes `folder` where it is missing, and its name and those of the folders above it survive a power cut. */
  async #makeDurable(folder: string): Promise<void> {
    if (folder === this.#root || this.#durable.get(folder)) return
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await syncFolders(dirname(folder), this.#root)
    this.#durable.set(folder, true)
  }

  async *#walk(prefix: string): AsyncIterable<ListedObject> {
    const folder = await opendir(join(this.#root, prefix)).catch(error => {
      if (isMissing(error)) return undefined
      throw error
    })
    if (!folder) return
    const files: string[] = []
    for await (const entry of folder) {
      // What is no key (.tmp, lost+found) was not put here by this store.
      if (!segment.test(entry.name)) continue
      const key = prefix + entry.name
      if (entry.isDirectory()) yield* this.#walk(`${key}/`)
      else if (files.push(key) === listBatch) yield* await this.#describe(files.splice(0))
    }
    yield* await this.#describe(files)
  }

  async #describe(keys: string[]): Promise<ListedObject[]> {
    const found = await Promise.all(
      keys.map(async key => ({ key, stats: await statOrUndefined(join(this.#root, key)) })),
    )
    return found.flatMap(({ key, stats }) =>
      stats?.isFile() ? [{ key, size: stats.size, modifiedAt: Math.floor(stats.mtimeMs) }] : [],
    )
  }
}

const segment = /^[a-z0-9_-][a-z0-9._-]{0,199}$/

function checkKey(key: string, given: string): void {
  if (key.length <= 1000 && key.split('/').every(part => segment.test(part))) return
  throw new MalformedInput(
    'object key',
    `${JSON.stringify(given.slice(0, 100))} is not a/b/c of [a-z0-9._-] segments that do not start with a dot`,
  )
}

function checkRange(start: number, end: number): void {
  if (Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && start <= end) return
  throw new RangeError(`bytes [${start}, ${end}) are no range`)
}

async function readExactly(
  handle: FileHandle,
  key: string,
  start: number,
  end: number,
  into?: Uint8Array,
): Promise<Uint8Array> {
  const length = end - start
  const bytes = into && into.length >= length ? into.subarray(0, length) : Buffer.allocUnsafeSlow(length)
  let filled = 0
  while (filled < bytes.length) {
    const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, start + filled)
    if (bytesRead === 0) throw new ObjectShort(key, end)
    filled += bytesRead
  }
  return bytes
}

/** Writes a new file, on disk when it resolves. */
async function writeNew(path: string, bytes: Uint8Array | AsyncIterable<Uint8Array>): Promise<void> {
  const handle = await open(path, 'wx', 0o444)
  try {
    await handle.writeFile(bytes)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Gives `from` the name `to` too; false when that name is taken. */
async function linkNew(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    if (!cannotLink(error)) throw error
    // A file system without hard links. Content never differs under one key, so replacing harms nobody.
    await rename(from, to)
    return true
  }
}

async function linkOrCopy(source: string, path: string): Promise<void> {
  try {
    await link(source, path)
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return
    if (!cannotLink(error)) throw error
    const temp = `${path}.${randomBytes(6).toString('hex')}.tmp`
    try {
      await copyFile(source, temp, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
      // Without this a power cut can leave the name with none of the bytes.
      const copy = await open(temp, 'r')
      await copy.sync().finally(() => copy.close())
      await rename(temp, path)
    } finally {
      await unlinkIfThere(temp)
    }
  }
}
