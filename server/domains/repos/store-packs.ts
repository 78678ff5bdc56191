import type { Sql } from '../../ports/database.ts'
import { PackBeingCollected } from './errors.ts'
import type { Pack } from './store.ts'
import type { RepoTables } from './tables.ts'

/**
 * SQL for the life of a pack: it counts, is retired, and goes. Where gc takes a pack and a writer counts on the very
 * same one, both write its row, so one of them waits and sees what the other has done (docs/decisions/0009).
 */

const tables = (sql: Sql) => sql.withTables<RepoTables>()

export interface PackName {
  readonly repoId: string
  readonly packId: string
}

/**
 * The removal that has taken the bytes of this pack, if one has: whoever stores them again says so when it inserts the
 * row. Throws PackBeingCollected while they are being removed.
 */
export async function findRemoval(sql: Sql, { repoId, packId }: PackName): Promise<string | undefined> {
  const row = await tables(sql)
    .selectFrom('packs')
    .select(['removal', 'removed_at'])
    .where('repo_id', '=', repoId)
    .where('pack_id', '=', packId)
    .executeTakeFirst()
  if (!row || row.removal === null) return undefined
  if (row.removed_at === null) throw new PackBeingCollected(packId)
  return row.removal
}

/**
 * From here on the pack counts, whether or not it did so before. `removal` is what `findRemoval` gave before the bytes
 * were stored. Throws PackBeingCollected when they may have been removed since.
 */
export async function insertPack(
  tx: Sql,
  repoId: string,
  pack: Pack,
  now: number,
  removal: string | undefined,
): Promise<void> {
  const values = {
    bytes: pack.bytes,
    object_count: pack.objectCount,
    retired_at: null,
    removal: null,
    removed_at: null,
  }
  const inserted = await tables(tx)
    .insertInto('packs')
    .values({ repo_id: repoId, pack_id: pack.packId, created_at: now, ...values })
    .onConflict(conflict =>
      conflict
        .columns(['repo_id', 'pack_id'])
        .doUpdateSet(values)
        .where(eb =>
          removal === undefined
            ? eb('packs.removal', 'is', null)
            : eb.and([eb('packs.removal', '=', removal), eb('packs.removed_at', 'is not', null)]),
        ),
    )
    .executeTakeFirst()
  if (Number(inserted.numInsertedOrUpdatedRows ?? 0) === 0) throw new PackBeingCollected(pack.packId)
}

/** Of the packs that count. */
export async function packedBytes(sql: Sql, repoId: string): Promise<number> {
  const { bytes } = await tables(sql)
    .selectFrom('packs')
    .select(({ fn }) => fn.sum<number | null>('bytes').as('bytes'))
    .where('repo_id', '=', repoId)
    .where('retired_at', 'is', null)
    .executeTakeFirstOrThrow()
  return bytes ?? 0
}

/** Returns how many of them counted. */
export async function retirePacks(
  tx: Sql,
  repoId: string,
  packIds: readonly string[],
  now: number,
): Promise<number> {
  const retired = await tables(tx)
    .updateTable('packs')
    .set({ retired_at: now })
    .where('repo_id', '=', repoId)
    .where('pack_id', 'in', packIds)
    .where('retired_at', 'is', null)
    .executeTakeFirst()
  return Number(retired.numUpdatedRows)
}

/** Those of the named packs whose bytes a row accounts for, as `repo id/pack id`. */
export async function findPacks(sql: Sql, named: readonly PackName[]): Promise<Set<string>> {
  const rows = await tables(sql)
    .selectFrom('packs')
    .select(['repo_id', 'pack_id'])
    .where(
      'repo_id',
      'in',
      named.map(pack => pack.repoId),
    )
    .where(
      'pack_id',
      'in',
      named.map(pack => pack.packId),
    )
    .where('removed_at', 'is', null)
    .execute()
  return new Set(rows.map(row => `${row.repo_id}/${row.pack_id}`))
}

/** Packs retired at `before` or earlier whose bytes nobody removes, and those whose removal was begun before `abandoned`. */
export interface Due {
  readonly before: number
  /** Ids of removals sort by their time. */
  readonly abandoned: string
}

/** A page of them, those after `last`, in order of their names. */
export async function pageOfDuePacks(
  sql: Sql,
  last: PackName,
  { before, abandoned }: Due,
  limit: number,
): Promise<PackName[]> {
  const rows = await tables(sql)
    .selectFrom('packs')
    .select(['repo_id', 'pack_id'])
    .where(eb =>
      eb.or([
        eb('repo_id', '>', last.repoId),
        eb.and([eb('repo_id', '=', last.repoId), eb('pack_id', '>', last.packId)]),
      ]),
    )
    .where('retired_at', '<=', before)
    .where('removed_at', 'is', null)
    .where(eb => eb.or([eb('removal', 'is', null), eb('removal', '<', abandoned)]))
    .orderBy('repo_id')
    .orderBy('pack_id')
    .limit(limit)
    .execute()
  return rows.map(row => ({ repoId: row.repo_id, packId: row.pack_id }))
}

/**
 * Takes the names of packs that are due, and of those that have no row or lost their bytes before: none of them can
 * come to count while `removal` has it. Returns those taken.
 */
export async function beginRemoval(
  tx: Sql,
  packs: readonly PackName[],
  removal: string,
  { before, abandoned }: Due,
  now: number,
): Promise<PackName[]> {
  const rows = await tables(tx)
    .insertInto('packs')
    .values(
      packs.map(({ repoId, packId }) => ({
        repo_id: repoId,
        pack_id: packId,
        bytes: 0,
        object_count: 0,
        created_at: now,
        retired_at: now,
        removal,
        removed_at: null,
      })),
    )
    .onConflict(conflict =>
      conflict
        .columns(['repo_id', 'pack_id'])
        .doUpdateSet({ removal, removed_at: null })
        .where(eb =>
          eb.or([
            eb('packs.removed_at', 'is not', null),
            eb.and([
              eb('packs.retired_at', '<=', before),
              eb.or([eb('packs.removal', 'is', null), eb('packs.removal', '<', abandoned)]),
            ]),
          ]),
        ),
    )
    .returning(['repo_id', 'pack_id'])
    .execute()
  return rows.map(row => ({ repoId: row.repo_id, packId: row.pack_id }))
}

/** The bytes are gone. */
export async function endRemoval(sql: Sql, removal: string, now: number): Promise<void> {
  await tables(sql).updateTable('packs').set({ removed_at: now }).where('removal', '=', removal).execute()
}

/** Forgets packs that were removed at `before` or earlier: nobody who stored them before that is still about to count on them. */
export async function forgetRemovedPacks(sql: Sql, before: number): Promise<void> {
  await tables(sql).deleteFrom('packs').where('removed_at', '<=', before).execute()
}
