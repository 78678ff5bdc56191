import { type FileHandle, open } from 'node:fs/promises'
import { LRUCache } from 'lru-cache'

interface OpenFile {
  readonly handle: Promise<FileHandle>
  users: number
  /** Out of the cache: the last user closes it. */
  isRetired: boolean
}

/**
 * Keeps the files that are read often open: a small read costs 40 µs instead of 125. A descriptor stays at most
 * `idleMs` after its last use, because an open file keeps its disk space when it is deleted; it is closed only when
 * nobody reads from it.
 */
export class OpenFiles {
  readonly #files: LRUCache<string, OpenFile>
  readonly #sweep: NodeJS.Timeout

  constructor(max: number, idleMs: number) {
    this.#files = new LRUCache({
      max,
      ttl: idleMs,
      updateAgeOnGet: true,
      dispose: file => {
        file.isRetired = true
        closeUnused(file)
      },
    })
    this.#sweep = setInterval(() => this.#files.purgeStale(), idleMs)
    this.#sweep.unref()
  }

  /** Opens `path` for reading, or finds it open, for as long as `work` runs. */
  async use<T>(path: string, work: (handle: FileHandle) => Promise<T>): Promise<T> {
    const file = this.#files.get(path) ?? this.#open(path)
    file.users++
    try {
      return await work(await file.handle)
    } finally {
      file.users--
      closeUnused(file)
    }
  }

  /** After a file was deleted: closes it as soon as nobody reads from it, which gives its space back. */
  forget(path: string): void {
    this.#files.delete(path)
  }

  close(): void {
    clearInterval(this.#sweep)
    this.#files.clear()
  }

  #open(path: string): OpenFile {
    const file: OpenFile = { handle: open(path, 'r'), users: 0, isRetired: false }
    this.#files.set(path, file)
    // A file that cannot be opened is not kept: it may be there the next time.
    file.handle.catch(() => {
      if (this.#files.peek(path) === file) this.#files.delete(path)
    })
    return file
  }
}

function closeUnused(file: OpenFile): void {
  if (!file.isRetired || file.users > 0) return
  // One that never opened has nothing to close; its users have had the error.
  file.handle.then(handle => handle.close()).catch(() => {})
}
