import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { PackIndex } from '../../formats/pack-index.ts'
import type { JobHandler } from '../../ports/queue.ts'
import type { OpenMirror, Scratch } from './git-mirror.ts'
import { gitText } from './git-program.ts'
import { storePackFiles } from './pack-files.ts'
import type { RecordPack } from './packs.ts'
import type { RepoParts } from './parts.ts'
import { type Pack, packsOf } from './store.ts'
import { retirePacks } from './store-packs.ts'

type Parts = Pick<RepoParts, 'database' | 'objects' | 'clock' | 'mirror'>

/** Each API commit makes a pack. More than this many are merged: every reader looks through all of them. */
const packLimit = 50
/** After a merge each pack is at least so many times as large as the next smaller one, so that a byte is rarely copied. */
const growth = 2

/** A ref has moved: perhaps that made one pack too many. */
export function consolidatePacks(parts: Parts): JobHandler<'ref-moved'> {
  return {
    name: 'repos.consolidate-packs',
    on: 'ref-moved',
    key: ({ repoId }) => repoId,
    run: ({ repoId }) => mergePacks(parts, repoId),
  }
}

/**
 * Puts the objects of the small packs, all of them, into one. The old packs are retired: they stay in the store for
 * a grace period.
 * Nothing happens when somebody else has merged, or deleted, one of them meanwhile.
 */
async function mergePacks(parts: Parts, repoId: string): Promise<void> {
  // Asked before the mirror is opened, because the answer is no nearly always.
  if (packsToMerge(await packsOf(parts.database.sql, repoId)).length === 0) return
  const mirror = await parts.mirror.open({ id: repoId })
  try {
    const small = packsToMerge(mirror.packs)
    if (small.length === 0) return
    const scratch = await parts.mirror.scratch()
    try {
      const merged = await writeMergedPack(parts, mirror, scratch, small)
      const record = await storePackFiles(parts, repoId, merged.row, merged)
      await replace(parts, repoId, small, record)
    } finally {
      await scratch.remove()
    }
  } finally {
    mirror.release()
  }
}

/**
 * The smallest packs, as many as must become one for the sizes to be geometric again (as `git repack --geometric`);
 * none while there are few packs.
 */
export function packsToMerge(packs: readonly Pack[]): Pack[] {
  if (packs.length <= packLimit) return []
  const sorted = [...packs].sort((a, b) => a.bytes - b.bytes)
  const sizeAt = (at: number) => sorted[at]?.bytes ?? Number.POSITIVE_INFINITY
  let split = sorted.length - 1
  while (split > 0 && sizeAt(split) >= growth * sizeAt(split - 1)) split--
  let total = 0
  for (let at = 0; at <= split; at++) total += sizeAt(at)
  for (split += 1; sizeAt(split) < growth * total; split++) total += sizeAt(split)
  return split > 1 ? sorted.slice(0, split) : []
}

async function writeMergedPack(parts: Parts, mirror: OpenMirror, scratch: Scratch, packs: readonly Pack[]) {
  const base = join(scratch.path, 'pack')
  const said = await gitText({
    args: [`--git-dir=${mirror.path}`, 'pack-objects', '--delta-base-offset', '-q', base],
    home: parts.mirror.folder,
    input: idsIn(mirror, packs),
  })
  const packId = said.trim()
  const pack = `${base}-${packId}.pack`
  const idx = `${base}-${packId}.idx`
  const index = new PackIndex(await readFile(idx))
  const { size } = await stat(pack)
  return { pack, idx, row: { packId, bytes: size, objectCount: index.count } }
}

/** Every object, whether a ref reaches it or not: what has been pushed can be asked for by its id. */
async function* idsIn(mirror: OpenMirror, packs: readonly Pack[]): AsyncGenerator<string> {
  for (const { packId } of packs) {
    const index = new PackIndex(await readFile(join(mirror.path, 'objects', 'pack', `pack-${packId}.idx`)))
    for (const { oid } of index.entries()) yield `${oid}\n`
  }
}

class PacksChanged extends Error {}

async function replace(
  parts: Parts,
  repoId: string,
  old: readonly Pack[],
  record: RecordPack,
): Promise<void> {
  try {
    await parts.database.transaction(async tx => {
      const packIds = old.map(pack => pack.packId)
      const now = parts.clock()
      if ((await retirePacks(tx, repoId, packIds, now)) !== packIds.length) throw new PacksChanged()
      await record(tx, now)
    })
  } catch (error) {
    if (!(error instanceof PacksChanged)) throw error
  }
}
