import { totalLength } from '../../formats/chunk-list.ts'
import { hashToText } from '../../formats/xet-hash.ts'
import type { XorbIndex } from '../../formats/xorb-footer.ts'
import { ObjectMissing } from '../../ports/objects.ts'
import { isDedupEligible } from './dedup-eligible.ts'
import type { BlobParts } from './parts.ts'
import { indexChunks, saveXorb } from './store-xorbs.ts'
import type { ChunkIndexTable } from './tables.ts'
import { readXorbIndex, xorbKey } from './xorb-objects.ts'

/**
 * Records for `holder` a xorb whose object has been put. The row is made from what the store has, for another upload
 * of the same xorb, compressed otherwise, may have been first. Throws XorbBeingCollected.
 */
export async function recordXorb(
  parts: Pick<BlobParts, 'database' | 'objects' | 'clock'>,
  holder: string,
  hash: string,
): Promise<void> {
  const objectBytes = await parts.objects.size(xorbKey(hash))
  if (objectBytes === undefined) throw new ObjectMissing(xorbKey(hash))
  const index = await readXorbIndex(parts.objects, hash, objectBytes)
  await parts.database.transaction(async tx => {
    await saveXorb(tx, {
      hash,
      chunk_count: index.frameEnds.length,
      raw_bytes: totalLength(index.chunks),
      frames_bytes: index.framesLength,
      object_bytes: objectBytes,
      uploaded_for: holder,
      created_at: parts.clock(),
    })
    await indexChunks(tx, [...eligibleChunks(index)])
  })
}

function* eligibleChunks(index: XorbIndex): Generator<ChunkIndexTable> {
  const { hashes, lengths } = index.chunks
  for (let position = 0; position < lengths.length; position++) {
    if (!isDedupEligible(hashes, position)) continue
    yield { chunk_hash: hashToText(hashes, position * 32), xorb_hash: index.hash, position }
  }
}
