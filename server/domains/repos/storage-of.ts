import type { RepoParts } from './parts.ts'
import { packBytesOf } from './store.ts'

/**
 * Bytes that each of these repositories stores (docs/decisions/0016): its packs as they are, and each large file that
 * any commit of it refers to once, at its full size, whoever else has the same.
 */
export async function storageOf(
  { database, blobs }: Pick<RepoParts, 'database' | 'blobs'>,
  ids: readonly string[],
): Promise<Map<string, number>> {
  const packs = await packBytesOf(database.sql, ids)
  const files = await blobs.sizesOf(ids)
  return new Map(ids.map(id => [id, (packs.get(id) ?? 0) + (files.get(id) ?? 0)]))
}
