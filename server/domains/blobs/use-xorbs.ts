import type { Database } from '../../ports/database.ts'
import { findXorbs, useXorbs } from './store-xorbs.ts'
import type { XorbsTable } from './tables.ts'

/**
 * Those of `hashes` that are stored, whole as far as is known, and may be built upon: from now on collection leaves them at least its grace
 * period. Writes only when collection has marked one.
 */
export async function findUsableXorbs(
  database: Database,
  hashes: readonly string[],
): Promise<Map<string, XorbsTable>> {
  const rows = await findXorbs(database.sql, hashes)
  for (const row of rows.values()) if (row.damaged_at !== null) rows.delete(row.hash)
  const marked = [...rows.values()].filter(row => row.unreferenced_since !== null || row.doomed_at !== null)
  if (marked.length === 0) return rows
  const names = marked.map(row => row.hash)
  const kept = await database.transaction(tx => useXorbs(tx, names))
  for (const name of names) if (!kept.has(name)) rows.delete(name)
  return rows
}
