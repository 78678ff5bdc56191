import { type FileHandle, open } from 'node:fs/promises'
import { storageFault } from '../kernel/storage-faults.ts'
import type { StagedObject } from '../ports/objects.ts'
import { unlinkIfThere } from './file-errors.ts'

/** Gives a written and synced file its key. */
interface Publish {
  commit(path: string, key: string): Promise<'stored' | 'existed'>
  replace(path: string, key: string): Promise<void>
}

export class StagedFile implements StagedObject {
  readonly #path: string
  readonly #publish: Publish
  #handle: FileHandle | undefined

  private constructor(path: string, handle: FileHandle, publish: Publish) {
    this.#path = path
    this.#handle = handle
    this.#publish = publish
  }

  static async open(path: string, publish: Publish): Promise<StagedFile> {
    return new StagedFile(path, await open(path, 'wx', 0o444), publish)
  }

  async append(pieces: readonly Uint8Array[]): Promise<void> {
    if (!this.#handle) throw new Error('a staged object is over after commit, replace or discard')
    try {
      for (let left = pieces; left.length > 0; ) {
        const { bytesWritten } = await this.#handle.writev(left)
        left = after(left, bytesWritten)
      }
    } catch (error) {
      throw storageFault(error)
    }
  }

  commit(key: string): Promise<'stored' | 'existed'> {
    return this.#end(() => this.#publish.commit(this.#path, key))
  }

  replace(key: string): Promise<void> {
    return this.#end(() => this.#publish.replace(this.#path, key))
  }

  async #end<T>(publish: () => Promise<T>): Promise<T> {
    try {
      await this.#handle?.sync()
      return await publish()
    } catch (error) {
      throw storageFault(error)
    } finally {
      await this.discard()
    }
  }

  async discard(): Promise<void> {
    const handle = this.#handle
    if (!handle) return
    this.#handle = undefined
    await handle.close()
    await unlinkIfThere(this.#path)
  }
}

/** The pieces without their first `count` bytes. */
function after(pieces: readonly Uint8Array[], count: number): Uint8Array[] {
  let at = 0
  let left = count
  while (at < pieces.length && left >= pieces[at]!.length) left -= pieces[at++]!.length
  const rest = pieces.slice(at)
  if (left > 0) rest[0] = rest[0]!.subarray(left)
  return rest
}
