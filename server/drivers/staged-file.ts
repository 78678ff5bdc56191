import { type FileHandle, open } from 'node:fs/promises'
import { storageFault } from '../kernel/storage-faults.ts'
import type { StagedObject } from '../ports/objects.ts'
import { unlinkIfThere } from './file-errors.ts'

/** Pieces are gathered until there are so many bytes of them, or so many, and then written at once. */
const gatheredBytes = 4 * 1024 * 1024
const gatheredPieces = 512

/** Gives a written and synced file its key. */
type Publish = (path: string, key: string) => Promise<'stored' | 'existed'>

export class StagedFile implements StagedObject {
  readonly #path: string
  readonly #publish: Publish
  #handle: FileHandle | undefined
  #pieces: Uint8Array[] = []
  #bytes = 0

  private constructor(path: string, handle: FileHandle, publish: Publish) {
    this.#path = path
    this.#handle = handle
    this.#publish = publish
  }

  static async open(path: string, publish: Publish): Promise<StagedFile> {
    return new StagedFile(path, await open(path, 'wx', 0o444), publish)
  }

  async append(bytes: Uint8Array): Promise<void> {
    this.#pieces.push(bytes)
    this.#bytes += bytes.length
    if (this.#bytes >= gatheredBytes || this.#pieces.length >= gatheredPieces) await this.#write()
  }

  async commit(key: string): Promise<'stored' | 'existed'> {
    try {
      await this.#write()
      await this.#handle?.sync()
      return await this.#publish(this.#path, key)
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
    this.#pieces = []
    await handle.close()
    await unlinkIfThere(this.#path)
  }

  async #write(): Promise<void> {
    const pieces = this.#pieces
    this.#pieces = []
    this.#bytes = 0
    if (!this.#handle) throw new Error('a staged object is over after commit or discard')
    try {
      for (let left = pieces; left.length > 0; ) {
        const { bytesWritten } = await this.#handle.writev(left)
        left = after(left, bytesWritten)
      }
    } catch (error) {
      throw storageFault(error)
    }
  }
}

/** The pieces without their first `count` bytes. */
function after(pieces: Uint8Array[], count: number): Uint8Array[] {
  let at = 0
  let left = count
  while (at < pieces.length && left >= pieces[at]!.length) left -= pieces[at++]!.length
  const rest = pieces.slice(at)
  if (left > 0) rest[0] = rest[0]!.subarray(left)
  return rest
}
