import { type ExpressionBuilder, sql as raw, type SelectQueryBuilder } from 'kysely'
import type { Repository } from '../../kernel/repository.ts'
import type { Sql } from '../../ports/database.ts'
import type { PrivateReach } from '../policy/index.ts'
import type { CatalogRow } from './store.ts'
import { suffixLength } from './suffixes.ts'
import type { CatalogTables } from './tables.ts'

/** SQL of lists. No list reads all repositories: it walks an index in the order asked for, or reads the few that match. */

const tables = (sql: Sql) => sql.withTables<CatalogTables>()

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
  const { type, author, words, tags, pipelineTag, reach, after } = query
  const few = await findFew(sql, query)
  let select = few ? ofFew(sql, few, type) : tables(sql).selectFrom('catalog').where('type', '=', type)
  // What is put so that no index answers it is only looked at: which index to begin with is decided by now.
  if (author !== undefined) select = select.where(raw`lower(namespace)`, '=', author.toLowerCase())
  if (pipelineTag !== undefined) select = select.where(raw`coalesce(pipeline_tag, '')`, '=', pipelineTag)
  for (const word of words) {
    select = select.where(raw<boolean>`search_name like ${containing(word)} escape '\\'`)
  }
  for (const tag of tags) {
    select = select.where(({ eb, selectFrom, fn }) =>
      eb(
        selectFrom('catalog_tags')
          .select(fn.countAll<number>().as('count'))
          .whereRef('catalog_tags.repo_id', '=', 'catalog.repo_id')
          .where('tag_key', '=', tag.toLowerCase()),
        '>',
        0,
      ),
    )
  }
  select = select.where(eb => isReadable(eb, reach))
  if (query.sort === 'id' && author !== undefined) {
    const [start, end] = startingWith(`${author.toLowerCase()}/`)
    select = select.where('search_name', '>=', start).where('search_name', '<', end)
  }
  if (after !== undefined) {
    select = select.where(({ eb, refTuple, tuple }) =>
      eb(refTuple(column, 'catalog.repo_id'), query.descending ? '<' : '>', tuple(after.value, after.id)),
    )
  }
  return await select
    .selectAll('catalog')
    .orderBy(column, direction)
    .orderBy('catalog.repo_id', direction)
    .limit(query.limit)
    .execute()
}

/**
 * The rows with these ids. Left to itself SQLite would walk an index all the same: a cross join it reads from left to
 * right, and every index but that of the ids begins with the type as it stands.
 */
function ofFew(sql: Sql, few: Ids, type: string): SelectQueryBuilder<CatalogTables, 'catalog', object> {
  const db = tables(sql)
  const ids = db.selectFrom(few.as('all_ids')).select('repo_id').distinct()
  return db
    .selectFrom(ids.as('ids'))
    .crossJoin('catalog')
    .whereRef('catalog.repo_id', '=', 'ids.repo_id')
    .where(raw`coalesce(type, '')`, '=', type) as never
}

/**
 * The condition that holds for the fewest repositories, as a query of their ids, when those are so few that to read and
 * sort them is less work than to walk the list until enough others have been found. Else undefined.
 */
async function findFew(sql: Sql, query: ListQuery): Promise<Ids | undefined> {
  const limit = Math.max(1000, 10 * query.limit)
  let least = limit
  let found: Ids | undefined
  for (const ids of conditions(sql, query)) {
    const { count } = await tables(sql)
      .selectFrom(tables(sql).selectFrom(ids.as('all_ids')).select('repo_id').limit(least).as('ids'))
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow()
    if (count < least) {
      least = count
      found = ids
    }
  }
  return found
}

type Ids = SelectQueryBuilder<CatalogTables, never, { repo_id: string }>

/** Each condition of a query alone, answered by an index: ids for which it holds. */
function conditions(sql: Sql, { type, author, words, tags, pipelineTag, reach }: ListQuery): Ids[] {
  const db = tables(sql)
  const ofType = db.selectFrom('catalog').select('repo_id').where('type', '=', type)
  const all: Ids[] = [
    ...tags.map(tag =>
      db.selectFrom('catalog_tags').select('repo_id').where('tag_key', '=', tag.toLowerCase()),
    ),
    ...words.flatMap(piecesOf).map(piece => {
      const [start, end] = startingWith(piece)
      return db
        .selectFrom('catalog_suffixes')
        .select('repo_id')
        .where('suffix', '>=', start)
        .where('suffix', '<', end)
    }),
  ]
  if (pipelineTag !== undefined) all.push(ofType.where('pipeline_tag', '=', pipelineTag))
  if (author !== undefined) {
    const [start, end] = startingWith(`${author.toLowerCase()}/`)
    all.push(ofType.where('search_name', '>=', start).where('search_name', '<', end))
  }
  const open = ofType.where('is_private', '=', 0)
  if (reach.namespaceIds !== 'all') {
    all.push(
      reach.namespaceIds.length === 0
        ? open
        : open.unionAll(ofType.where('namespace_id', 'in', reach.namespaceIds)),
    )
  }
  return all
}

export function isReadable(
  { eb, and, or, lit }: ExpressionBuilder<CatalogTables, 'catalog'>,
  reach: PrivateReach,
) {
  const inNamespace =
    reach.namespaceIds === 'all'
      ? lit(true)
      : reach.namespaceIds.length > 0
        ? eb('namespace_id', 'in', reach.namespaceIds)
        : lit(false)
  if (!reach.only) return or([eb('is_private', '=', 0), inNamespace])
  const covered = or([
    ...(reach.only.namespaceIds.length > 0 ? [eb('namespace_id', 'in', reach.only.namespaceIds)] : []),
    ...(reach.only.repoIds.length > 0 ? [eb('catalog.repo_id', 'in', reach.only.repoIds)] : []),
  ])
  return or([eb('is_private', '=', 0), and([inNamespace, covered])])
}

/** Parts of a word that are no longer than what the index holds; all of it is in one of them. */
function piecesOf(word: string): string[] {
  const letters = [...word.toLowerCase()]
  const starts = Array.from({ length: Math.ceil(letters.length / suffixLength) }, (_, n) => n * suffixLength)
  return starts.map(start => {
    const from = Math.max(0, Math.min(start, letters.length - suffixLength))
    return letters.slice(from, from + suffixLength).join('')
  })
}

function containing(word: string): string {
  return `%${word.toLowerCase().replace(/[%_\\]/g, char => `\\${char}`)}%`
}

/** Bounds of all text that starts with `start`: from the first on, below the second. */
function startingWith(start: string): [string, string] {
  return [start, `${start}\u{10ffff}`]
}
