import { totalLength } from '../../formats/chunk-list.ts'
import { hashToText } from '../../formats/xet-hash.ts'
import type { XorbIndex } from '../../formats/xorb-footer.ts'
import { ObjectMissing } from '../../ports/objects.ts'
import { isDedupEligible } from './dedup-eligible.ts'
import { XorbBeingCollected } from './errors.ts'
import type { BlobParts } from './parts.ts'
import { indexChunks, saveXorb } from './store-xorbs.ts'
import type { ChunkIndexTable } from './tables.ts'
import { readXorbIndex, xorbKey } from './xorb-objects.ts'

/**
 * Records for `holder` a xorb whose object has been put. The row is made from what the store has, for another upload
 * of the same xorb, compressed otherwise, may have been first. `removal` was found before the object was put, and the
 * object `isRepaired` when it was put in the place of a damaged one. Throws XorbBeingCollected.
 */
export async function recordXorb(
  parts: Pick<BlobParts, 'database' | 'objects' | 'clock'>,
  holder: string,
  hash: string,
  stored: { removal: string | undefined; isRepaired: boolean },
): Promise<void> {
  const { objectBytes, index } = await readStored(parts, hash)
  const row = {
    hash,
    chunk_count: index.frameEnds.length,
    raw_bytes: totalLength(index.chunks),
    frames_bytes: index.framesLength,
    object_bytes: objectBytes,
    uploaded_for: holder,
    created_at: parts.clock(),
  }
  await parts.database.transaction(async tx => {
    await saveXorb(tx, row, stored)
    await indexChunks(tx, [...eligibleChunks(index)])
  })
  // Another one may have been put in its place, compressed otherwise, after this one was looked at.
  const isOther = stored.isRepaired && (await parts.objects.size(xorbKey(hash))) !== objectBytes
  if (isOther) await recordXorb(parts, holder, hash, stored)
}

async function readStored({ objects }: Pick<BlobParts, 'objects'>, hash: string) {
  try {
    const objectBytes = await objects.size(xorbKey(hash))
    if (objectBytes === undefined) throw new ObjectMissing(xorbKey(hash))
    return { objectBytes, index: await readXorbIndex(objects, hash, objectBytes) }
  } catch (error) {
    // It was put a moment ago.
    throw error instanceof ObjectMissing ? new XorbBeingCollected(hash) : error
  }
}

function* eligibleChunks(index: XorbIndex): Generator<ChunkIndexTable> {
  const { hashes, lengths } = index.chunks
  for (let position = 0; position < lengths.length; position++) {
    if (!isDedupEligible(hashes, position)) continue
    yield { chunk_hash: hashToText(hashes, position * 32), xorb_hash: index.hash, position }
  }
}
