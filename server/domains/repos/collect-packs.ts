import type { RepoParts } from './parts.ts'
import { strayPacks } from './stray-packs.ts'

/** Deletes what `strayPacks` finds, or only counts it. */
export async function collectPacks(
  parts: Pick<RepoParts, 'database' | 'objects' | 'clock'>,
  { dryRun, graceMs }: { dryRun: boolean; graceMs: number },
): Promise<{ objects: number; bytes: number }> {
  const report = { objects: 0, bytes: 0 }
  for await (const { key, size } of strayPacks(parts, parts.clock() - graceMs)) {
    if (!dryRun) await parts.objects.delete(key)
    report.objects++
    report.bytes += size
  }
  return report
}
