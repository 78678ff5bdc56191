import { type SketchParts, sketchObject } from './parts.ts'
import { deleteUnused, knownKeys, pageOfKeys, usedKeys } from './store.ts'

/** Removes sketches that no default branch has had for the grace period and `isNeeded` does not name, and bytes that no row knows. */
export async function collectSketches(
  { database, objects, clock }: Pick<SketchParts, 'database' | 'objects' | 'clock'>,
  options: {
    dryRun: boolean
    graceMs: number
    /** Those of `keys` that somebody else has use for. */
    needed(keys: readonly string[]): Promise<ReadonlySet<string>>
  },
): Promise<{ objects: number; bytes: number }> {
  const { sql } = database
  const before = clock() - options.graceMs
  const report = { objects: 0, bytes: 0 }
  const remove = async (key: string, size: number) => {
    if (!options.dryRun) await objects.delete(sketchObject(key))
    report.objects += 1
    report.bytes += size
  }
  for (let keys = await pageOfKeys(sql, '', before); keys.length > 0; ) {
    const [used, needed] = [await usedKeys(sql, keys), await options.needed(keys)]
    const unused = keys.filter(key => !used.has(key) && !needed.has(key))
    const gone = options.dryRun ? unused : await database.transaction(tx => deleteUnused(tx, unused, before))
    for (const key of gone) await remove(key, (await objects.size(sketchObject(key))) ?? 0)
    keys = await pageOfKeys(sql, keys.at(-1) as string, before)
  }
  let strays = new Map<string, number>()
  const removeStrays = async () => {
    if (strays.size === 0) return
    const known = await knownKeys(sql, [...strays.keys()])
    for (const [key, size] of strays) if (!known.has(key)) await remove(key, size)
    strays = new Map()
  }
  for await (const { key, size, modifiedAt } of objects.list('sketches/')) {
    if (modifiedAt >= before) continue
    strays.set(key.slice('sketches/'.length), size)
    if (strays.size >= 500) await removeStrays()
  }
  await removeStrays()
  return report
}
