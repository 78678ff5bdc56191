import { RepoNotFound } from '../../kernel/errors.ts'
import { type Repository, type RepoType, repoId } from '../../kernel/repository.ts'
import type { Sql } from '../../ports/database.ts'
import type { RepoTables } from './tables.ts'

/** The only SQL of this domain. Every function takes the connection or the transaction that it runs in. */

export interface Ref {
  readonly name: string
  readonly oid: string
  readonly commitId: string
}

export interface Pack {
  readonly packId: string
  readonly bytes: number
  readonly objectCount: number
}

const tables = (sql: Sql) => sql.withTables<RepoTables>()

export function keyOf(repo: Repository): string {
  return repoKey(repo.type, repo.namespace, repo.name)
}

export function repoKey(type: RepoType, namespace: string, name: string): string {
  return `${type}:${repoId({ namespace, name })}`.toLowerCase()
}

export async function findRepo(sql: Sql, key: string): Promise<Repository | undefined> {
  const row = await tables(sql).selectFrom('repos').selectAll().where('key', '=', key).executeTakeFirst()
  return row && toRepository(row)
}

/** The repository that had this name before it was moved. */
export async function findMovedRepo(sql: Sql, key: string): Promise<Repository | undefined> {
  const row = await tables(sql)
    .selectFrom('repo_redirects')
    .innerJoin('repos', 'repos.id', 'repo_redirects.repo_id')
    .selectAll('repos')
    .where('repo_redirects.key', '=', key)
    .executeTakeFirst()
  return row && toRepository(row)
}

export async function reposById(sql: Sql, ids: readonly string[]): Promise<Repository[]> {
  if (ids.length === 0) return []
  const rows = await tables(sql).selectFrom('repos').selectAll().where('id', 'in', ids).execute()
  return rows.map(toRepository)
}

export async function allRepoIds(sql: Sql): Promise<string[]> {
  const rows = await tables(sql).selectFrom('repos').select('id').orderBy('id').execute()
  return rows.map(row => row.id)
}

/** From here on the name is its own, whichever repository it led to before. */
export async function insertRepo(tx: Sql, repo: Repository): Promise<void> {
  await tables(tx)
    .insertInto('repos')
    .values({
      id: repo.id,
      type: repo.type,
      namespace_id: repo.namespaceId,
      namespace: repo.namespace,
      name: repo.name,
      key: keyOf(repo),
      is_private: repo.isPrivate ? 1 : 0,
      gated: repo.gated || null,
      created_at: repo.createdAt,
      updated_at: repo.updatedAt,
    })
    .execute()
  await deleteRedirect(tx, keyOf(repo))
}

/** Takes a name away from the repository that had it before: it has a new owner. */
async function deleteRedirect(tx: Sql, key: string): Promise<void> {
  await tables(tx).deleteFrom('repo_redirects').where('key', '=', key).execute()
}

/**
 * Gives the repository `before` the name and namespace of `after`, and lets its old name lead to it. Returns it as it is
 * now. Throws RepoNotFound when it was moved or deleted meanwhile, and a duplicate where the name is taken.
 */
export async function moveRepo(tx: Sql, before: Repository, after: Repository): Promise<Repository> {
  const oldKey = keyOf(before)
  const key = keyOf(after)
  const moved = await tables(tx)
    .updateTable('repos')
    .set({ namespace_id: after.namespaceId, namespace: after.namespace, name: after.name, key })
    .where('id', '=', before.id)
    .where('key', '=', oldKey)
    .returningAll()
    .executeTakeFirst()
  if (!moved) throw new RepoNotFound(repoId(before))
  await deleteRedirect(tx, key)
  if (key === oldKey) return toRepository(moved)
  await tables(tx)
    .insertInto('repo_redirects')
    .values({ key: oldKey, repo_id: before.id })
    .onConflict(conflict => conflict.column('key').doUpdateSet({ repo_id: before.id }))
    .execute()
  return toRepository(moved)
}

export type Settings = Partial<Pick<Repository, 'isPrivate' | 'gated'>>

/** At least one of them. Returns the repository as it is now; throws RepoNotFound when it was deleted meanwhile. */
export async function updateSettings(
  tx: Sql,
  id: string,
  { isPrivate, gated }: Settings,
): Promise<Repository> {
  const row = await tables(tx)
    .updateTable('repos')
    .set({
      ...(isPrivate !== undefined && { is_private: isPrivate ? 1 : 0 }),
      ...(gated !== undefined && { gated: gated || null }),
    })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirst()
  if (!row) throw new RepoNotFound(id)
  return toRepository(row)
}

/** Also makes the writers of one repository wait for each other. Throws RepoNotFound when it was deleted meanwhile. */
export async function touchRepo(tx: Sql, id: string, now: number): Promise<void> {
  const touched = await tables(tx)
    .updateTable('repos')
    .set({ updated_at: now })
    .where('id', '=', id)
    .executeTakeFirst()
  if (Number(touched.numUpdatedRows) === 0) throw new RepoNotFound(id)
}

/** Keeps it from being deleted until the transaction ends. Throws RepoNotFound when it was deleted before. */
export async function lockRepo(tx: Sql, id: string): Promise<void> {
  const locked = await tables(tx)
    .updateTable('repos')
    .set(eb => ({ updated_at: eb.ref('updated_at') }))
    .where('id', '=', id)
    .executeTakeFirst()
  if (Number(locked.numUpdatedRows) === 0) throw new RepoNotFound(id)
}

/** Forgets the repository with its refs and old names, and retires its packs. The bytes are garbage from here on; gc collects them. */
export async function deleteRepo(tx: Sql, id: string, now: number): Promise<void> {
  // First the row that writers touch: none of them leaves refs or packs behind then.
  await tables(tx).deleteFrom('repos').where('id', '=', id).execute()
  await tables(tx).deleteFrom('refs').where('repo_id', '=', id).execute()
  await tables(tx).deleteFrom('repo_redirects').where('repo_id', '=', id).execute()
  await tables(tx).deleteFrom('lfs_files').where('repo_id', '=', id).execute()
  await tables(tx)
    .updateTable('packs')
    .set({ retired_at: now })
    .where('repo_id', '=', id)
    .where('retired_at', 'is', null)
    .execute()
}

export async function refsNamed(sql: Sql, id: string, names: readonly string[]): Promise<Map<string, Ref>> {
  const rows = await tables(sql)
    .selectFrom('refs')
    .select(['name', 'oid', 'commit_id'])
    .where('repo_id', '=', id)
    .where('name', 'in', names)
    .execute()
  return new Map(rows.map(row => [row.name, toRef(row)]))
}

export async function allRefs(sql: Sql, id: string): Promise<Ref[]> {
  const rows = await tables(sql)
    .selectFrom('refs')
    .select(['name', 'oid', 'commit_id'])
    .where('repo_id', '=', id)
    .orderBy('name')
    .execute()
  return rows.map(toRef)
}

/**
 * The only way history moves: sets the ref if it still is where the caller saw it (`before` undefined: if it does not
 * exist). `after` undefined deletes. False when somebody was faster; nothing is changed then.
 */
export async function moveRef(
  tx: Sql,
  id: string,
  name: string,
  before: string | undefined,
  after: { oid: string; commitId: string } | undefined,
  now: number,
): Promise<boolean> {
  if (before === undefined) {
    if (!after) return true
    const inserted = await tables(tx)
      .insertInto('refs')
      .values({ repo_id: id, name, oid: after.oid, commit_id: after.commitId, updated_at: now })
      .onConflict(conflict => conflict.columns(['repo_id', 'name']).doNothing())
      .executeTakeFirst()
    return Number(inserted.numInsertedOrUpdatedRows ?? 0) === 1
  }
  if (!after) {
    const deleted = await tables(tx)
      .deleteFrom('refs')
      .where('repo_id', '=', id)
      .where('name', '=', name)
      .where('oid', '=', before)
      .executeTakeFirst()
    return Number(deleted.numDeletedRows) === 1
  }
  const updated = await tables(tx)
    .updateTable('refs')
    .set({ oid: after.oid, commit_id: after.commitId, updated_at: now })
    .where('repo_id', '=', id)
    .where('name', '=', name)
    .where('oid', '=', before)
    .executeTakeFirst()
  return Number(updated.numUpdatedRows) === 1
}

const refsPerStatement = 200

/** The refs of a repository that has none. */
export async function insertRefs(tx: Sql, id: string, refs: readonly Ref[], now: number): Promise<void> {
  for (let at = 0; at < refs.length; at += refsPerStatement) {
    const rows = refs.slice(at, at + refsPerStatement).map(({ name, oid, commitId }) => ({
      repo_id: id,
      name,
      oid,
      commit_id: commitId,
      updated_at: now,
    }))
    await tables(tx).insertInto('refs').values(rows).execute()
  }
}

/** The packs that count, oldest first. */
export async function packsOf(sql: Sql, id: string): Promise<Pack[]> {
  const rows = await tables(sql)
    .selectFrom('packs')
    .select(['pack_id', 'bytes', 'object_count'])
    .where('repo_id', '=', id)
    .where('retired_at', 'is', null)
    .orderBy('created_at')
    .orderBy('pack_id')
    .execute()
  return rows.map(row => ({ packId: row.pack_id, bytes: row.bytes, objectCount: row.object_count }))
}

function toRepository(row: RepoTables['repos']): Repository {
  return {
    id: row.id,
    type: row.type,
    namespaceId: row.namespace_id,
    namespace: row.namespace,
    name: row.name,
    isPrivate: row.is_private === 1,
    gated: row.gated ?? false,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}

function toRef(row: { name: string; oid: string; commit_id: string }): Ref {
  return { name: row.name, oid: row.oid, commitId: row.commit_id }
}
