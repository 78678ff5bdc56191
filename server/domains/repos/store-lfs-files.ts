import type { Sql } from '../../ports/database.ts'
import type { RepoTables } from './tables.ts'

/** SQL about the names under which LFS objects came to a repository. */

const tables = (sql: Sql) => sql.withTables<RepoTables>()

/** An LFS object, and where it came to the repository. */
interface LfsFile {
  readonly sha256: string
  readonly path: string
  readonly ref: string
}

const rowsPerStatement = 200

/** What a commit or push of `ref` refers to. The first name that an object came by stays. */
export async function saveLfsFiles(
  tx: Sql,
  repoId: string,
  ref: string,
  files: readonly { readonly sha256: string; readonly path: string }[],
): Promise<void> {
  for (let at = 0; at < files.length; at += rowsPerStatement) {
    const rows = files.slice(at, at + rowsPerStatement)
    await tables(tx)
      .insertInto('lfs_files')
      .values(rows.map(({ sha256, path }) => ({ repo_id: repoId, sha256, path, ref })))
      .onConflict(conflict => conflict.columns(['repo_id', 'sha256']).doNothing())
      .execute()
  }
}

/** At most a thousand at once. */
export async function lfsFilesNamed(
  sql: Sql,
  repoId: string,
  sha256s: readonly string[],
): Promise<Map<string, LfsFile>> {
  if (sha256s.length === 0) return new Map()
  const rows = await tables(sql)
    .selectFrom('lfs_files')
    .select(['sha256', 'path', 'ref'])
    .where('repo_id', '=', repoId)
    .where('sha256', 'in', sha256s)
    .execute()
  return new Map(rows.map(row => [row.sha256, row]))
}

/** `to` is a new repository that holds what `from` does. */
export async function copyLfsFiles(tx: Sql, from: string, to: string): Promise<void> {
  await tables(tx)
    .insertInto('lfs_files')
    .columns(['repo_id', 'sha256', 'path', 'ref'])
    .expression(
      tables(tx)
        .selectFrom('lfs_files')
        .select(eb => [eb.cast<string>(eb.val(to), 'text').as('repo_id'), 'sha256', 'path', 'ref'])
        .where('repo_id', '=', from),
    )
    .execute()
}

/** At most a thousand at once. */
export async function deleteLfsFiles(tx: Sql, repoId: string, sha256s: readonly string[]): Promise<void> {
  await tables(tx)
    .deleteFrom('lfs_files')
    .where('repo_id', '=', repoId)
    .where('sha256', 'in', sha256s)
    .execute()
}
