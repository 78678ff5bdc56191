import type { Sql } from '../../ports/database.ts'
import type { CommitFacts } from './describe-commit.ts'
import type { CatalogTables } from './tables.ts'

/** SQL of what is written down of heads. */

const tables = (sql: Sql) => sql.withTables<CatalogTables>()

export async function saveFacts(
  tx: Sql,
  id: string,
  commitId: string,
  facts: CommitFacts,
  paths: readonly string[],
): Promise<void> {
  const [text, siblings] = [JSON.stringify(facts), JSON.stringify(paths)]
  const row = { commit_id: commitId, facts: text, siblings, size: text.length + siblings.length }
  await tables(tx)
    .insertInto('catalog_facts')
    .values({ repo_id: id, ...row })
    .onConflict(conflict => conflict.column('repo_id').doUpdateSet(row))
    .execute()
}

export async function findFacts(sql: Sql, id: string, commitId: string): Promise<CommitFacts | undefined> {
  const row = await tables(sql)
    .selectFrom('catalog_facts')
    .select('facts')
    .where('repo_id', '=', id)
    .where('commit_id', '=', commitId)
    .executeTakeFirst()
  return row && JSON.parse(row.facts)
}

export interface HeadFacts {
  readonly facts: CommitFacts
  readonly paths: readonly string[]
}

/** What a page may hold, in characters of JSON; the first head is always there. */
const pageLimit = 32 * 1024 * 1024

/** Of as many of these repositories, from the first on, as fit a page. Those of which nothing is written down yet are missing. */
export async function factsOfHeads(
  sql: Sql,
  ids: readonly string[],
): Promise<{ readonly heads: Map<string, HeadFacts>; readonly fitting: number }> {
  if (ids.length === 0) return { heads: new Map(), fitting: 0 }
  const ofIds = tables(sql).selectFrom('catalog_facts').where('repo_id', 'in', ids)
  const sizes = new Map(
    (await ofIds.select(['repo_id', 'size']).execute()).map(row => [row.repo_id, row.size]),
  )
  let total = 0
  let fitting = 0
  for (const id of ids) {
    total += sizes.get(id) ?? 0
    if (fitting > 0 && total > pageLimit) break
    fitting++
  }
  const rows = await tables(sql)
    .selectFrom('catalog_facts')
    .select(['repo_id', 'facts', 'siblings'])
    .where('repo_id', 'in', ids.slice(0, fitting))
    .execute()
  const heads = rows.map(
    row => [row.repo_id, { facts: JSON.parse(row.facts), paths: JSON.parse(row.siblings) }] as const,
  )
  return { heads: new Map(heads), fitting }
}
