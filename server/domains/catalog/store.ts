import { type Repository, repoId } from '../../kernel/repository.ts'
import type { Sql } from '../../ports/database.ts'
import { type CommitFacts, countParameters, linksOf } from './describe-commit.ts'
import { saveFacts } from './store-facts.ts'
import { suffixesOf } from './suffixes.ts'
import type { CatalogTables } from './tables.ts'

/** The only SQL of this domain, with `store-facts.ts` and `store-list.ts`. */

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
      parameters: 0,
      main_size: 0,
      used_storage: 0,
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
  await saveTerms(tx, id, [])
  for (const table of ['catalog_texts', 'catalog_tags', 'catalog_links', 'catalog_facts', 'catalog'] as const)
    await tables(tx).deleteFrom(table).where('repo_id', '=', id).execute()
}

/** The head of the default branch. */
export interface Head {
  readonly commitId: string
  readonly modifiedAt: number
  readonly facts: CommitFacts
  /** Of every file. */
  readonly paths: readonly string[]
  /** By which search finds it, beside its name. */
  readonly terms: readonly string[]
  readonly mainSize: number
  readonly usedStorage: number
}

/** Tags and links beyond this many, or longer than this, are not searched for. */
const tagLimit = 500
const tagLengthLimit = 200

export async function saveHead(tx: Sql, id: string, head: Head): Promise<void> {
  const { facts } = head
  const updated = await tables(tx)
    .updateTable('catalog')
    .set({
      commit_id: head.commitId,
      modified_at: head.modifiedAt,
      pipeline_tag: facts.pipelineTag ?? null,
      library_name: facts.libraryName ?? null,
      parameters: countParameters(facts),
      main_size: head.mainSize,
      used_storage: head.usedStorage,
    })
    .where('repo_id', '=', id)
    .executeTakeFirst()
  // Deleted meanwhile: what belongs to it would stay for ever.
  if (Number(updated.numUpdatedRows) === 0) return
  await saveFacts(tx, id, head.commitId, facts, head.paths)
  await saveTerms(tx, id, head.terms)
  await tables(tx).deleteFrom('catalog_tags').where('repo_id', '=', id).execute()
  const tags = [...byKey(facts.tags)].map(([tag_key, tag]) => ({ repo_id: id, tag, tag_key }))
  if (tags.length > 0) await tables(tx).insertInto('catalog_tags').values(tags).execute()
  await tables(tx).deleteFrom('catalog_links').where('repo_id', '=', id).execute()
  const links = [...byKey(linksOf(facts)).keys()].map(target => ({ repo_id: id, target }))
  if (links.length > 0) await tables(tx).insertInto('catalog_links').values(links).execute()
}

function byKey(texts: readonly string[]): Map<string, string> {
  const short = texts.filter(text => text.length <= tagLengthLimit)
  return new Map([...new Map(short.map(text => [text.toLowerCase(), text]))].slice(0, tagLimit))
}

/** Writes what has changed, which of a card is mostly little. */
async function saveTerms(tx: Sql, id: string, terms: readonly string[]): Promise<void> {
  const row = await tables(tx)
    .selectFrom('catalog_texts')
    .select('terms')
    .where('repo_id', '=', id)
    .executeTakeFirst()
  const before = new Set(row?.terms.split(' ').filter(term => term !== ''))
  const after = new Set(terms)
  const gone = [...before].filter(term => !after.has(term))
  const added = [...after].filter(term => !before.has(term))
  if (gone.length > 0) {
    await tables(tx).deleteFrom('catalog_terms').where('term', 'in', gone).where('repo_id', '=', id).execute()
  }
  if (added.length > 0) {
    // In order, as they stand in the index.
    const rows = added.sort().map(term => ({ term, repo_id: id }))
    await tables(tx).insertInto('catalog_terms').values(rows).execute()
  }
  if (gone.length + added.length === 0) return
  const line = { terms: ` ${terms.join(' ')} ` }
  await tables(tx)
    .insertInto('catalog_texts')
    .values({ repo_id: id, ...line })
    .onConflict(conflict => conflict.column('repo_id').doUpdateSet(line))
    .execute()
}

/** What the read model says of a repository beside its files. */
export type Counts = Pick<CatalogRow, 'likes' | 'downloads' | 'trending' | 'main_size' | 'used_storage'>

const noCounts: Counts = {
  likes: 0,
  downloads: 0,
  trending: 0,
  main_size: 0,
  used_storage: 0,
}

export async function countsOf(sql: Sql, id: string): Promise<Counts> {
  const row = await tables(sql)
    .selectFrom('catalog')
    .select(['likes', 'downloads', 'trending', 'main_size', 'used_storage'])
    .where('repo_id', '=', id)
    .executeTakeFirst()
  return row ?? noCounts
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

/** How many models that anyone may read say that they come from each of these, `ns/name`. */
export async function countChildren(sql: Sql, names: readonly string[]): Promise<Map<string, number>> {
  const keys = new Map(names.map(name => [`base_model:${name.toLowerCase()}`, name]))
  const rows = await tables(sql)
    .selectFrom('catalog_tags')
    .innerJoin('catalog', 'catalog.repo_id', 'catalog_tags.repo_id')
    .select(({ fn }) => ['tag_key', fn.countAll<number>().as('count')])
    .where('tag_key', 'in', [...keys.keys()])
    .where('type', '=', 'model')
    .where('is_private', '=', 0)
    .groupBy('tag_key')
    .execute()
  return new Map(rows.map(row => [keys.get(row.tag_key)!, row.count]))
}

/** Spaces that anyone may read and that name these models in their card, all as `ns/name`; so many of each model. */
export async function spacesOf(
  sql: Sql,
  models: readonly string[],
  limit: number,
): Promise<Map<string, string[]>> {
  const targets = new Map(models.map(model => [`model:${model.toLowerCase()}`, model]))
  const linking = tables(sql)
    .selectFrom('catalog_links')
    .innerJoin('catalog', 'catalog.repo_id', 'catalog_links.repo_id')
    .select(({ fn }) => [
      'target',
      'namespace',
      'name',
      fn
        .agg<number>('row_number')
        .over(window => window.partitionBy('target').orderBy('catalog_links.repo_id'))
        .as('place'),
    ])
    .where('target', 'in', [...targets.keys()])
    .where('type', '=', 'space')
    .where('is_private', '=', 0)
  const rows = await tables(sql)
    .selectFrom(linking.as('linking'))
    .select(['target', 'namespace', 'name'])
    .where('place', '<=', limit)
    .execute()
  const spaces = new Map<string, string[]>()
  for (const row of rows) {
    const model = targets.get(row.target)!
    spaces.set(model, [...(spaces.get(model) ?? []), repoId(row)])
  }
  return spaces
}
