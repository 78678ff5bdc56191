import type { RepoParts } from './parts.ts'
import { findPacks, type PackName } from './store-packs.ts'

const perQuery = 200

/**
 * Packs in the store that no row accounts for, of pushes and commits that were cut or refused, in batches. Only those
 * stored before `before` (milliseconds), since a pack is stored before it counts.
 */
export async function* strayPacks(
  parts: Pick<RepoParts, 'database' | 'objects'>,
  before: number,
): AsyncGenerator<PackName[]> {
  let batch = new Map<string, PackName>()
  for await (const { key, modifiedAt } of parts.objects.list('repos/')) {
    const [, repoId, packId] = /^repos\/([^/]+)\/packs\/([0-9a-f]{40})\.(?:pack|idx)$/.exec(key) ?? []
    if (repoId === undefined || packId === undefined || modifiedAt >= before) continue
    batch.set(`${repoId}/${packId}`, { repoId, packId })
    if (batch.size < perQuery) continue
    yield await strayIn(parts, batch)
    batch = new Map()
  }
  if (batch.size > 0) yield await strayIn(parts, batch)
}

async function strayIn(
  { database }: Pick<RepoParts, 'database'>,
  stored: Map<string, PackName>,
): Promise<PackName[]> {
  const known = await findPacks(database.sql, [...stored.values()])
  return [...stored].flatMap(([name, pack]) => (known.has(name) ? [] : [pack]))
}
