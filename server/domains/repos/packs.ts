import { type ObjectType, objectId } from '../../formats/git-object.ts'
import type { PackBuilder } from '../../formats/pack-builder.ts'
import type { Database, Sql } from '../../ports/database.ts'
import type { ObjectStore } from '../../ports/objects.ts'
import type { Pack } from './store.ts'
import { findRemoval, insertPack } from './store-packs.ts'

/**
 *     repos/<repo id>/packs/<pack id>.pack    as git writes it, self-contained (no thin packs)
 *     repos/<repo id>/packs/<pack id>.idx     version 2
 *
 * A pack counts once its row is there; a pack without a row is what a cut commit left, and gc removes it.
 */
export function packKey(repoId: string, packId: string, part: 'pack' | 'idx'): string {
  return `repos/${repoId}/packs/${packId}.${part}`
}

/** Writes the row of a stored pack, in the transaction that makes it count. Throws PackBeingCollected. */
export type RecordPack = (tx: Sql, now: number) => Promise<void>

type Parts = { readonly database: Database; readonly objects: ObjectStore }
type Bytes = Uint8Array | AsyncIterable<Uint8Array>

/** Makes the pack durable. Throws PackBeingCollected when gc removes the same one at this moment. */
export async function storePack(parts: Parts, repoId: string, builder: PackBuilder): Promise<RecordPack> {
  const { packId, pieces, byteLength, index } = await builder.finish()
  const row = { packId, bytes: byteLength, objectCount: builder.count }
  return storePackBytes(parts, repoId, row, { pack: Buffer.concat(pieces), idx: index })
}

/** The same of bytes from elsewhere. */
export async function storePackBytes(
  { database, objects }: Parts,
  repoId: string,
  row: Pack,
  { pack, idx }: { pack: Bytes; idx: Bytes },
): Promise<RecordPack> {
  const removal = await findRemoval(database.sql, { repoId, packId: row.packId })
  const puts = await Promise.allSettled([
    objects.put(packKey(repoId, row.packId, 'pack'), pack),
    objects.put(packKey(repoId, row.packId, 'idx'), idx),
  ])
  // Both have ended before anybody hears of a failure: nothing is written behind the answer.
  for (const put of puts) if (put.status === 'rejected') throw put.reason
  return (tx, now) => insertPack(tx, repoId, row, now, removal)
}

/**
 * Gives the pack of one repository to another one too, which did not have it; the bytes are not read. Throws ObjectMissing
 * when it was collected meanwhile.
 */
export async function copyPack(
  { objects }: Pick<Parts, 'objects'>,
  from: string,
  to: string,
  pack: Pack,
): Promise<RecordPack> {
  for (const part of ['pack', 'idx'] as const) {
    await objects.copy(packKey(from, pack.packId, part), packKey(to, pack.packId, part))
  }
  return (tx, now) => insertPack(tx, to, pack, now, undefined)
}

/** Adds an object to a pack that is being built and returns its id. */
export async function addObject(pack: PackBuilder, type: ObjectType, content: Uint8Array): Promise<string> {
  const oid = objectId(type, content)
  await pack.add(oid, type, content)
  return oid
}
