import { createReadStream } from 'node:fs'
import { type RecordPack, storePackBytes } from './packs.ts'
import type { RepoParts } from './parts.ts'
import type { Pack } from './store.ts'

const pieceBytes = 1024 * 1024

/** Makes a pack that git has written to local files durable. Throws PackBeingCollected. */
export async function storePackFiles(
  parts: Pick<RepoParts, 'database' | 'objects'>,
  repoId: string,
  row: Pack,
  files: { readonly pack: string; readonly idx: string },
): Promise<RecordPack> {
  const pack = createReadStream(files.pack, { highWaterMark: pieceBytes })
  const idx = createReadStream(files.idx, { highWaterMark: pieceBytes })
  try {
    return await storePackBytes(parts, repoId, row, { pack, idx })
  } finally {
    // A store that has the object already does not read.
    pack.destroy()
    idx.destroy()
  }
}
