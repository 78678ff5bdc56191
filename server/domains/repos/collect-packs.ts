import { newId } from '../../kernel/ids.ts'
import { packKey } from './packs.ts'
import type { RepoParts } from './parts.ts'
import {
  beginRemoval,
  type Due,
  endRemoval,
  forgetRemovedPacks,
  type PackName,
  pageOfDuePacks,
} from './store-packs.ts'
import { strayPacks } from './stray-packs.ts'

type Parts = Pick<RepoParts, 'database' | 'objects' | 'clock'>

/** After so long a removal is taken to be left behind by a run that died. */
const abandonedMs = 2 * 60 * 1000
/** A run that was held up for so long removes no more of a page: another run may have taken it over by then. */
const removingMs = 60 * 1000
/** So long is known that a pack was removed. Between storing a pack and counting on it are moments. */
const rememberedMs = 24 * 60 * 60 * 1000
const pageSize = 200

/**
 * Removes packs that were retired a grace period ago, and those that were stored as long ago and never came to count;
 * or only counts their objects. May run beside all else, and beside itself (docs/decisions/0009).
 */
export async function collectPacks(
  parts: Parts,
  { dryRun, graceMs }: { dryRun: boolean; graceMs: number },
): Promise<{ objects: number; bytes: number }> {
  const now = parts.clock()
  const due = { before: now - graceMs, abandoned: newId(now - abandonedMs) }
  const report = { objects: 0, bytes: 0 }
  for await (const packs of collectable(parts, due)) {
    const begunAt = parts.clock()
    const removal = newId(begunAt)
    const taken = dryRun
      ? packs
      : await parts.database.transaction(tx => beginRemoval(tx, packs, removal, due, parts.clock()))
    let isLate = false
    for (const pack of taken) {
      isLate = parts.clock() > begunAt + removingMs
      if (isLate) break
      for (const part of ['idx', 'pack'] as const) {
        const key = packKey(pack.repoId, pack.packId, part)
        const size = await parts.objects.size(key)
        if (size === undefined) continue
        if (!dryRun) await parts.objects.delete(key)
        report.objects++
        report.bytes += size
      }
    }
    if (!dryRun && !isLate) await endRemoval(parts.database.sql, removal, parts.clock())
  }
  if (!dryRun) await forgetRemovedPacks(parts.database.sql, now - rememberedMs)
  return report
}

async function* collectable(parts: Parts, due: Due): AsyncGenerator<PackName[]> {
  for (let last: PackName = { repoId: '', packId: '' }; ; ) {
    const page = await pageOfDuePacks(parts.database.sql, last, due, pageSize)
    if (page.length === 0) break
    yield page
    last = page.at(-1)!
  }
  for await (const strays of strayPacks(parts, due.before)) if (strays.length > 0) yield strays
}
