import { newId } from '../../kernel/ids.ts'
import { inBatches } from './batches.ts'
import { XorbBeingCollected } from './errors.ts'
import type { BlobParts } from './parts.ts'
import { endRemoval, takeAbandonedXorbs } from './store-collection.ts'
import { findRemoval } from './store-xorbs.ts'
import { xorbKey } from './xorb-objects.ts'

type Parts = Pick<BlobParts, 'database' | 'objects' | 'clock'>

/** After so long a doomed xorb is taken to be left behind by a run that died. */
export const abandonedMs = 2 * 60 * 1000
/** A run that was held up for so long deletes no more of what it has doomed: somebody else may have taken it over by then. */
const deletingMs = 60 * 1000
const parallelDeletes = 8

/** Deletes the objects of xorbs that were doomed at this time, unless that is too long ago. What is left is abandoned. */
export async function deleteDoomed(parts: Parts, hashes: readonly string[], doomedAt: number): Promise<void> {
  for (const batch of inBatches(hashes, parallelDeletes)) {
    if (parts.clock() > doomedAt + deletingMs) return
    await Promise.all(batch.map(hash => parts.objects.delete(xorbKey(hash))))
    await parts.database.transaction(tx => endRemoval(tx, batch, newId(parts.clock())))
  }
}

/** Finishes what runs that died have left of these xorbs, so that they can be stored anew. Says whether there was any. */
export async function deleteAbandoned(parts: Parts, hashes: readonly string[]): Promise<boolean> {
  const now = parts.clock()
  const taken = await takeAbandonedXorbs(parts.database.sql, hashes, now - abandonedMs, now)
  await deleteDoomed(parts, taken, now)
  return taken.length > 0
}

/**
 * The deletion that has taken the object of this xorb, if one has: whoever stores it again says so to `saveXorb`. Finishes
 * one that was abandoned. Throws XorbBeingCollected while it is being deleted.
 */
export async function removalOf(parts: Parts, hash: string): Promise<string | undefined> {
  try {
    return await findRemoval(parts.database.sql, hash)
  } catch (error) {
    if (!(error instanceof XorbBeingCollected) || !(await deleteAbandoned(parts, [hash]))) throw error
    return await findRemoval(parts.database.sql, hash)
  }
}
