import { sql as raw } from 'kysely'
import { type Repository, repoId } from '../../kernel/repository.ts'
import type { Sql } from '../../ports/database.ts'
import type { PrivateReach } from '../policy/index.ts'
import type { CatalogTables } from './tables.ts'

/** The only SQL of this domain. */

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
  }
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
}

export async function removeRepo(tx: Sql, id: string): Promise<void> {
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

export const sortColumns = {
  lastModified: 'modified_at',
  createdAt: 'created_at',
  likes: 'likes',
  downloads: 'downloads',
  trendingScore: 'trending',
  id: 'search_name',
} as const

export interface ListQuery {
  readonly type: Repository['type']
  readonly author?: string | undefined
  /** Every one of these must be in the name. */
  readonly words: readonly string[]
  /** Every one of these must be among the tags. */
  readonly tags: readonly string[]
  readonly pipelineTag?: string | undefined
  readonly reach: PrivateReach
  readonly sort: keyof typeof sortColumns
  readonly descending: boolean
  /** The last row of the page before. */
  readonly after?: { readonly value: number | string; readonly id: string } | undefined
  readonly limit: number
}

export async function listRepos(sql: Sql, query: ListQuery): Promise<CatalogRow[]> {
  const column = sortColumns[query.sort]
  const direction = query.descending ? 'desc' : 'asc'
  let select = tables(sql).selectFrom('catalog').selectAll().where('type', '=', query.type)
  if (query.author !== undefined) {
    const start = `${query.author.toLowerCase()}/`
    select = select.where('search_name', '>=', start).where('search_name', '<', after(start))
  }
  for (const word of query.words) {
    select = select.where(raw<boolean>`search_name like ${containing(word.toLowerCase())} escape '\\'`)
  }
  for (const tag of query.tags) {
    select = select.where(({ exists, selectFrom }) =>
      exists(
        selectFrom('catalog_tags')
          .select('tag_key')
          .whereRef('catalog_tags.repo_id', '=', 'catalog.repo_id')
          .where('tag_key', '=', tag.toLowerCase()),
      ),
    )
  }
  if (query.pipelineTag !== undefined) select = select.where('pipeline_tag', '=', query.pipelineTag)
  const { reach } = query
  select = select.where(({ eb, and, or, lit }) => {
    const inNamespace =
      reach.namespaceIds === 'all'
        ? lit(true)
        : reach.namespaceIds.length > 0
          ? eb('namespace_id', 'in', reach.namespaceIds)
          : lit(false)
    if (!reach.only) return or([eb('is_private', '=', 0), inNamespace])
    const covered = or([
      ...(reach.only.namespaceIds.length > 0 ? [eb('namespace_id', 'in', reach.only.namespaceIds)] : []),
      ...(reach.only.repoIds.length > 0 ? [eb('repo_id', 'in', reach.only.repoIds)] : []),
    ])
    return or([eb('is_private', '=', 0), and([inNamespace, covered])])
  })
  if (query.after) {
    const { value, id } = query.after
    const beyond = query.descending ? '<' : '>'
    select = select.where(({ eb, and, or }) =>
      or([eb(column, beyond, value), and([eb(column, '=', value), eb('repo_id', beyond, id)])]),
    )
  }
  return select.orderBy(column, direction).orderBy('repo_id', direction).limit(query.limit).execute()
}

function containing(word: string): string {
  return `%${word.replace(/[%_\\]/g, char => `\\${char}`)}%`
}

/** The least text that is behind every text that starts with `start`, which ends in `/`. */
function after(start: string): string {
  return `${start.slice(0, -1)}0`
}
