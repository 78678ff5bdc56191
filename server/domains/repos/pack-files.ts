import { createReadStream } from 'node:fs'
import type { ObjectStore } from '../../ports/objects.ts'
import { packKey } from './packs.ts'

const pieceBytes = 1024 * 1024

/** Makes a pack that git has written to local files durable. It counts once its row is there. */
export async function storePackFiles(
  objects: ObjectStore,
  repoId: string,
  { packId, pack, idx }: { packId: string; pack: string; idx: string },
): Promise<void> {
  await objects.put(packKey(repoId, packId, 'pack'), createReadStream(pack, { highWaterMark: pieceBytes }))
  await objects.put(packKey(repoId, packId, 'idx'), createReadStream(idx, { highWaterMark: pieceBytes }))
}
