import { type Repository, repoId } from '../../kernel/repository.ts'
import type { Sql } from '../../ports/database.ts'
import { suffixesOf } from './suffixes.ts'
import type { CatalogTables } from './tables.ts'

/** The only SQL of this domain, with `store-list.ts`. */

export type CatalogRow = CatalogTables['catalog']

const tables = (sql: Sql) => sql.withTables<CatalogTables>()

export async function saveRepo(tx: Sql, repo: Repository): Promise<void> {
  const row = {
    type: repo.type,
    namespace_id: repo.namespaceId,
    namespace: repo.namespace,
    name: repo.name,
    search_name: repoId(repo).toLowerCase(),
    is_private: repo.isPrivate ? 1 : 0,
    gated: repo.gated || null,
  }
  const before = await searchNameOf(tx, repo.id)
  await tables(tx)
    .insertInto('catalog')
    .values({
      ...row,
      repo_id: repo.id,
      created_at: repo.createdAt,
      modified_at: repo.updatedAt,
      likes: 0,
      downloads: 0,
      trending: 0,
    })
    .onConflict(conflict => conflict.column('repo_id').doUpdateSet(row))
    .execute()
  if (before === row.search_name) return
  if (before !== undefined) await deleteSuffixes(tx, repo.id, before)
  await tables(tx)
    .insertInto('catalog_suffixes')
    .values(suffixesOf(row.search_name).map(suffix => ({ repo_id: repo.id, suffix })))
    .onConflict(conflict => conflict.doNothing())
    .execute()
}

async function searchNameOf(tx: Sql, id: string): Promise<string | undefined> {
  const row = await tables(tx)
    .selectFrom('catalog')
    .select('search_name')
    .where('repo_id', '=', id)
    .executeTakeFirst()
  return row?.search_name
}

async function deleteSuffixes(tx: Sql, id: string, searchName: string): Promise<void> {
  await tables(tx)
    .deleteFrom('catalog_suffixes')
    .where('suffix', 'in', suffixesOf(searchName))
    .where('repo_id', '=', id)
    .execute()
}

export async function removeRepo(tx: Sql, id: string): Promise<void> {
  const searchName = await searchNameOf(tx, id)
  if (searchName !== undefined) await deleteSuffixes(tx, id, searchName)
  await tables(tx).deleteFrom('catalog_tags').where('repo_id', '=', id).execute()
  await tables(tx).deleteFrom('catalog').where('repo_id', '=', id).execute()
}

export interface HeadFacts {
  readonly commitId: string
  readonly modifiedAt: number
  readonly pipelineTag: string | undefined
  readonly libraryName: string | undefined
  readonly tags: readonly string[]
}

/** Tags beyond this many, or longer than this, are not searched for. */
const tagLimit = 500
const tagLengthLimit = 200

export async function saveHead(tx: Sql, id: string, head: HeadFacts): Promise<void> {
  const updated = await tables(tx)
    .updateTable('catalog')
    .set({
      commit_id: head.commitId,
      modified_at: head.modifiedAt,
      pipeline_tag: head.pipelineTag ?? null,
      library_name: head.libraryName ?? null,
    })
    .where('repo_id', '=', id)
    .executeTakeFirst()
  // Deleted meanwhile: its tags would stay for ever.
  if (Number(updated.numUpdatedRows) === 0) return
  await tables(tx).deleteFrom('catalog_tags').where('repo_id', '=', id).execute()
  const byKey = new Map(
    head.tags.filter(tag => tag.length <= tagLengthLimit).map(tag => [tag.toLowerCase(), tag]),
  )
  const rows = [...byKey].slice(0, tagLimit).map(([tag_key, tag]) => ({ repo_id: id, tag, tag_key }))
  if (rows.length > 0) await tables(tx).insertInto('catalog_tags').values(rows).execute()
}

export interface Counts {
  readonly likes: number
  readonly downloads: number
  readonly trending: number
}

export async function countsOf(sql: Sql, id: string): Promise<Counts> {
  const row = await tables(sql)
    .selectFrom('catalog')
    .select(['likes', 'downloads', 'trending'])
    .where('repo_id', '=', id)
    .executeTakeFirst()
  return row ?? { likes: 0, downloads: 0, trending: 0 }
}

export async function tagsOf(sql: Sql, ids: readonly string[]): Promise<Map<string, string[]>> {
  const tags = new Map<string, string[]>(ids.map(id => [id, []]))
  if (ids.length === 0) return tags
  const rows = await tables(sql)
    .selectFrom('catalog_tags')
    .select(['repo_id', 'tag'])
    .where('repo_id', 'in', ids)
    .orderBy('repo_id')
    .orderBy('tag')
    .execute()
  for (const row of rows) tags.get(row.repo_id)?.push(row.tag)
  return tags
}
