import type { RepoParts } from './parts.ts'
import { findPacks } from './store-packs.ts'

const perQuery = 200

/**
 * Keys of pack files in the store that no repository counts: of pushes and commits that were cut or refused, of merged
 * packs, of deleted repositories. Only those stored before `before` (milliseconds), since a pack is stored before it
 * counts. Delete each as it comes: from then on somebody might store the very same pack anew, and count on it.
 */
export async function* strayPacks(
  parts: Pick<RepoParts, 'database' | 'objects'>,
  before: number,
): AsyncGenerator<{ key: string; size: number }> {
  let batch: Stored[] = []
  for await (const { key, size, modifiedAt } of parts.objects.list('repos/')) {
    const [, repoId, packId] = /^repos\/([^/]+)\/packs\/([0-9a-f]{40})\.(?:pack|idx)$/.exec(key) ?? []
    if (repoId === undefined || packId === undefined || modifiedAt >= before) continue
    batch.push({ key, size, repoId, packId })
    if (batch.length < perQuery) continue
    yield* strayIn(parts, batch)
    batch = []
  }
  if (batch.length > 0) yield* strayIn(parts, batch)
}

interface Stored {
  readonly key: string
  readonly size: number
  readonly repoId: string
  readonly packId: string
}

async function* strayIn(
  { database }: Pick<RepoParts, 'database'>,
  stored: readonly Stored[],
): AsyncGenerator<{ key: string; size: number }> {
  const counting = await findPacks(database.sql, stored)
  for (const pack of stored) {
    if (counting.has(`${pack.repoId}/${pack.packId}`)) continue
    // The query above may be some deletions old.
    const still = await findPacks(database.sql, [pack])
    if (still.size === 0) yield { key: pack.key, size: pack.size }
  }
}
