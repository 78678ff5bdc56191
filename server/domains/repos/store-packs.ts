import type { Sql } from '../../ports/database.ts'
import type { RepoTables } from './tables.ts'

/** SQL for packs that go: merged ones, and those that never came to count. */

/** Returns how many there were. */
export async function deletePacks(tx: Sql, repoId: string, packIds: readonly string[]): Promise<number> {
  const deleted = await tx
    .withTables<RepoTables>()
    .deleteFrom('packs')
    .where('repo_id', '=', repoId)
    .where('pack_id', 'in', packIds)
    .executeTakeFirst()
  return Number(deleted.numDeletedRows)
}

/** Those of the named packs that count, as `repo id/pack id`. */
export async function findPacks(
  sql: Sql,
  named: readonly { readonly repoId: string; readonly packId: string }[],
): Promise<Set<string>> {
  const rows = await sql
    .withTables<RepoTables>()
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
    .execute()
  return new Set(rows.map(row => `${row.repo_id}/${row.pack_id}`))
}
