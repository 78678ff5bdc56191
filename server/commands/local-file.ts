import { open } from 'node:fs/promises'
import type { ByteSource } from '../formats/byte-source.ts'
import { MalformedInput } from '../kernel/errors.ts'

/** A file of this machine, read by range. It is closed with the process. */
export async function openLocalFile(path: string): Promise<ByteSource> {
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
  }
}
