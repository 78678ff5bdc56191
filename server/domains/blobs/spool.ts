import { randomBytes } from 'node:crypto'
import { type FileHandle, mkdir, open, unlink } from 'node:fs/promises'
import { join } from 'node:path'

/** So many bytes wait in memory; what comes after goes to a file. */
const memoryBytes = 4 * 1024 * 1024
const readBytes = 1024 * 1024

/**
 * Bytes that wait until they are complete, in 4 MiB of memory and behind it a nameless file, so that an upload that
 * stalls holds little. What it holds goes away with the process.
 */
export class Spool {
  readonly #folder: string
  readonly #buffer = Buffer.allocUnsafeSlow(memoryBytes)
  #buffered = 0
  #file: FileHandle | undefined
  #fileBytes = 0

  constructor(folder: string) {
    this.#folder = folder
  }

  /** Keeps a copy of `bytes` after what it has. */
  async append(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      if (this.#buffered === memoryBytes) await this.#spill()
      const taken = Math.min(bytes.length - at, memoryBytes - this.#buffered)
      this.#buffer.set(bytes.subarray(at, at + taken), this.#buffered)
      this.#buffered += taken
      at += taken
    }
  }

  /** Everything from the start. Nothing may be appended afterwards. */
  async *read(): AsyncGenerator<Uint8Array, void, undefined> {
    for (let at = 0; at < this.#fileBytes; ) {
      const piece = Buffer.allocUnsafeSlow(Math.min(readBytes, this.#fileBytes - at))
      const { bytesRead } = await this.#file!.read(piece, 0, piece.length, at)
      if (bytesRead === 0) throw new Error('the spool file was cut short')
      yield piece.subarray(0, bytesRead)
      at += bytesRead
    }
    if (this.#buffered > 0) yield this.#buffer.subarray(0, this.#buffered)
  }

  /** Gives disk space back. */
  async close(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await file?.close()
  }

  async #spill(): Promise<void> {
    this.#file ??= await openNameless(this.#folder)
    for (let at = 0; at < this.#buffered; ) {
      const { bytesWritten } = await this.#file.write(
        this.#buffer,
        at,
        this.#buffered - at,
        this.#fileBytes + at,
      )
      at += bytesWritten
    }
    this.#fileBytes += this.#buffered
    this.#buffered = 0
  }
}

async function openNameless(folder: string): Promise<FileHandle> {
  // The cache may have been deleted meanwhile.
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, `banyan-spool-${randomBytes(12).toString('hex')}`)
  const handle = await open(path, 'wx+', 0o600)
  await unlink(path)
  return handle
}
