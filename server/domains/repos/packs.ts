import { type ObjectType, objectId } from '../../formats/git-object.ts'
import type { PackBuilder } from '../../formats/pack-builder.ts'
import type { Sql } from '../../ports/database.ts'
import type { ObjectStore } from '../../ports/objects.ts'
import { insertPack } from './store.ts'

/**
 *     repos/<repo id>/packs/<pack id>.pack    as git writes it, self-contained (no thin packs)
 *     repos/<repo id>/packs/<pack id>.idx     version 2
 *
 * A pack counts once its row is there; a pack without a row is what a cut commit left, and gc removes it.
 */
export function packKey(repoId: string, packId: string, part: 'pack' | 'idx'): string {
  return `repos/${repoId}/packs/${packId}.${part}`
}

/** Makes the pack durable and returns what writes its row in the transaction that makes it count. */
export async function storePack(
  objects: ObjectStore,
  repoId: string,
  builder: PackBuilder,
): Promise<(tx: Sql, now: number) => Promise<void>> {
  const { packId, pieces, byteLength, index } = await builder.finish()
  const puts = await Promise.allSettled([
    objects.put(packKey(repoId, packId, 'pack'), Buffer.concat(pieces)),
    objects.put(packKey(repoId, packId, 'idx'), index),
  ])
  // Both have ended before anybody hears of a failure: nothing is written behind the answer.
  for (const put of puts) if (put.status === 'rejected') throw put.reason
  const row = { packId, bytes: byteLength, objectCount: builder.count }
  return (tx, now) => insertPack(tx, repoId, row, now)
}

/** Adds an object to a pack that is being built and returns its id. */
export async function addObject(pack: PackBuilder, type: ObjectType, content: Uint8Array): Promise<string> {
  const oid = objectId(type, content)
  await pack.add(oid, type, content)
  return oid
}
