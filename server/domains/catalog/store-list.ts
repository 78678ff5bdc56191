import { type ExpressionBuilder, sql as raw, type SelectQueryBuilder } from 'kysely'
import { gates, type Repository } from '../../kernel/repository.ts'
import type { Sql } from '../../ports/database.ts'
import type { PrivateReach } from '../policy/index.ts'
import { termsOfWord } from './search-terms.ts'
import type { CatalogRow } from './store.ts'
import { suffixLength } from './suffixes.ts'
import type { CatalogTables } from './tables.ts'

/** SQL of lists. No list reads all repositories: it walks an index in the order asked for, or reads the few that match. */

const tables = (sql: Sql) => sql.withTables<CatalogTables>()

export const sortColumns = {
  lastModified: 'modified_at',
  createdAt: 'created_at',
  likes: 'likes',
  /** Likes of late are what trends. */
  likes30d: 'trending',
  downloads: 'downloads',
  trendingScore: 'trending',
  num_parameters: 'parameters',
  mainSize: 'main_size',
  id: 'search_name',
} as const

export interface ListQuery {
  readonly type: Repository['type']
  readonly author?: string | undefined
  /** Each must be in the name or in the text, its terms anywhere there. */
  readonly words: readonly string[]
  /** Where words are looked for: those that have all of them in the name, or all others. */
  readonly place: 'name' | 'text'
  /** Every one of these must be among the tags. */
  readonly tags: readonly string[]
  /** One of these at least, when there are any. */
  readonly anyTag: readonly string[]
  /** What a Space must name, as `catalog_links` holds it. */
  readonly links: readonly string[]
  readonly pipelineTag?: string | undefined
  readonly isGated?: boolean | undefined
  /** Bounds of how many parameters it has, both included. */
  readonly parameters?: { readonly min: number; readonly max: number } | undefined
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
  const { type, author, words, tags, anyTag, links, pipelineTag, isGated, parameters, reach, after } = query
  const few = await findFew(sql, query)
  let select = few ? ofFew(sql, few, type) : tables(sql).selectFrom('catalog').where('type', '=', type)
  // What is put so that no index answers it is only looked at: which index to begin with is decided by now.
  if (author !== undefined) select = select.where(raw`lower(namespace)`, '=', author.toLowerCase())
  if (pipelineTag !== undefined) select = select.where(raw`coalesce(pipeline_tag, '')`, '=', pipelineTag)
  if (isGated !== undefined) select = select.where(raw`coalesce(gated, '')`, isGated ? '<>' : '=', '')
  if (parameters) {
    const { min, max } = parameters
    select = select.where(raw<boolean>`coalesce(parameters, 0) between ${min} and ${max}`)
  }
  for (const word of words) {
    select = select.where(eb => (query.place === 'name' ? isInName(word) : isFound(eb, word)))
  }
  if (query.place === 'text') select = select.where(({ not, and }) => not(and(words.map(isInName))))
  for (const any of [...tags.map(tag => [tag]), ...(anyTag.length > 0 ? [anyTag] : [])]) {
    select = select.where(({ eb, selectFrom, fn }) =>
      eb(
        selectFrom('catalog_tags')
          .select(fn.countAll<number>().as('count'))
          .whereRef('catalog_tags.repo_id', '=', 'catalog.repo_id')
          .where('tag_key', 'in', any.map(lower)),
        '>',
        0,
      ),
    )
  }
  for (const link of links) {
    select = select.where(({ eb, selectFrom, fn }) =>
      eb(
        selectFrom('catalog_links')
          .select(fn.countAll<number>().as('count'))
          .whereRef('catalog_links.repo_id', '=', 'catalog.repo_id')
          .where('target', '=', link.toLowerCase()),
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

type Ids = SelectQueryBuilder<CatalogTables, never, { repo_id: string }>

/** Ids for which a condition holds, and how many they are, counted up to a limit. */
interface Found {
  readonly ids: Ids
  readonly count: number
}

/**
 * The condition that holds for the fewest repositories, as a query of their ids, when those are so few that to read and
 * sort them is less work than to walk the list until enough others have been found. Else undefined.
 */
async function findFew(sql: Sql, query: ListQuery): Promise<Ids | undefined> {
  const limit = Math.max(1000, 10 * query.limit)
  let fewest = await fewestOf(sql, conditions(sql, query), limit)
  for (const word of query.words) {
    if (fewest?.count === 0) break
    const bound = fewest?.count ?? limit
    const found =
      query.place === 'name'
        ? await fewestOf(sql, inName(sql, word), bound)
        : await foundAnywhere(sql, word, bound)
    if (found) fewest = found
  }
  return fewest?.ids
}

/** The smallest of them, when it is smaller than `limit`. */
async function fewestOf(sql: Sql, all: readonly Ids[], limit: number): Promise<Found | undefined> {
  let fewest: Found | undefined
  for (const ids of all) {
    const bound = fewest?.count ?? limit
    const { count } = await tables(sql)
      .selectFrom(tables(sql).selectFrom(ids.as('all_ids')).select('repo_id').limit(bound).as('ids'))
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow()
    if (count < bound) fewest = { ids, count }
  }
  return fewest
}

/** Repositories with a word in their name or in their text. */
async function foundAnywhere(sql: Sql, word: string, limit: number): Promise<Found | undefined> {
  const named = await fewestOf(sql, inName(sql, word), limit)
  if (!named) return undefined
  const inTexts = inText(sql, word)
  if (inTexts.length === 0) return named
  const told = await fewestOf(sql, inTexts, limit - named.count)
  return told && { ids: named.ids.unionAll(told.ids), count: named.count + told.count }
}

/** Each condition of a query alone, but for its words, answered by an index: ids for which it holds. */
function conditions(sql: Sql, query: ListQuery): Ids[] {
  const { type, author, tags, anyTag, links, pipelineTag, isGated, parameters, reach } = query
  const db = tables(sql)
  const ofType = db.selectFrom('catalog').select('repo_id').where('type', '=', type)
  const tagged = db.selectFrom('catalog_tags').select('repo_id')
  const all: Ids[] = tags.map(tag => tagged.where('tag_key', '=', tag.toLowerCase()))
  if (anyTag.length > 0) all.push(tagged.where('tag_key', 'in', anyTag.map(lower)))
  for (const link of links)
    all.push(db.selectFrom('catalog_links').select('repo_id').where('target', '=', link.toLowerCase()))
  if (pipelineTag !== undefined) all.push(ofType.where('pipeline_tag', '=', pipelineTag))
  if (isGated) all.push(ofType.where('gated', 'in', gates))
  if (parameters)
    all.push(ofType.where('parameters', '>=', parameters.min).where('parameters', '<=', parameters.max))
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

/** Ids of names that hold a piece of the word, for each piece. */
function inName(sql: Sql, word: string): Ids[] {
  return piecesOf(word).map(piece => {
    const [start, end] = startingWith(piece)
    return tables(sql)
      .selectFrom('catalog_suffixes')
      .select('repo_id')
      .where('suffix', '>=', start)
      .where('suffix', '<', end)
  })
}

/** Ids of texts that hold a term of the word, for each term. */
function inText(sql: Sql, word: string): Ids[] {
  const terms = tables(sql).selectFrom('catalog_terms').select('repo_id')
  return termsOfWord(word).map(({ term, isWhole }) => {
    const [start, end] = startingWith(term)
    return isWhole ? terms.where('term', '=', term) : terms.where('term', '>=', start).where('term', '<', end)
  })
}

function isInName(word: string) {
  return raw<boolean>`search_name like ${containing(word.toLowerCase())} escape '\\'`
}

function isFound({ eb, or, selectFrom, fn }: ExpressionBuilder<CatalogTables, 'catalog'>, word: string) {
  const terms = termsOfWord(word)
  if (terms.length === 0) return isInName(word)
  let text = selectFrom('catalog_texts')
    .select(fn.countAll<number>().as('count'))
    .whereRef('catalog_texts.repo_id', '=', 'catalog.repo_id')
  for (const { term, isWhole } of terms)
    text = text.where(
      raw<boolean>`catalog_texts.terms like ${containing(` ${term}${isWhole ? ' ' : ''}`)} escape '\\'`,
    )
  return or([isInName(word), eb(text, '>', 0)])
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

function containing(text: string): string {
  return `%${text.replace(/[%_\\]/g, char => `\\${char}`)}%`
}

function lower(text: string): string {
  return text.toLowerCase()
}

/** Bounds of all text that starts with `start`: from the first on, below the second. */
function startingWith(start: string): [string, string] {
  return [start, `${start}\u{10ffff}`]
}
