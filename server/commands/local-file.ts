import { open } from 'node:fs/promises'
import type { ByteSource } from '../formats/byte-source.ts'
import { MalformedInput } from '../kernel/errors.ts'

/** A file of this machine, read by range; to be closed. */
export interface LocalFile extends ByteSource {
  close(): Promise<void>
}

export async function openLocalFile(path: string): Promise<LocalFile> {
  const file = await open(path, 'r')
  const { size } = await file.stat()
  return {
    size,
    async read(start, end) {
      const bytes = new Uint8Array(end - start)
      const { bytesRead } = await file.read(bytes, 0, bytes.length, start)
      if (bytesRead !== bytes.length) throw new MalformedInput(path, `ends before byte ${end}`)
      return bytes
    },
    close: () => file.close(),
  }
}
