import type { Sql } from '../../ports/database.ts'
import type { CatalogRow } from './store.ts'
import { type ListQuery, listRepos, sortColumns } from './store-list.ts'

/** Where a page begins: behind the last row of the page before. */
export interface Position {
  readonly place: ListQuery['place']
  readonly value: number | string
  readonly id: string
}

export interface FoundPage {
  readonly rows: readonly CatalogRow[]
  /** Where row `n` stands. */
  positionOf(n: number): Position
}

/**
 * A page of a list. With words, those that have all of them in their name come first, and then those that have them in
 * their name, tags or card, each in the order asked for: so a search for a name finds the name, whatever cards say.
 */
export async function searchRepos(
  sql: Sql,
  query: Omit<ListQuery, 'place' | 'after'> & { readonly after?: Position | undefined },
): Promise<FoundPage> {
  const { after, limit } = query
  const named = after?.place === 'text' ? [] : await listRepos(sql, { ...query, place: 'name' })
  const isWhole = named.length === limit || query.words.length === 0
  const told = isWhole
    ? []
    : await listRepos(sql, {
        ...query,
        place: 'text',
        after: after?.place === 'text' ? after : undefined,
        limit: limit - named.length,
      })
  const rows = [...named, ...told]
  return {
    rows,
    positionOf: n => {
      const row = rows[n]!
      return {
        place: n < named.length ? 'name' : 'text',
        value: row[sortColumns[query.sort]],
        id: row.repo_id,
      }
    },
  }
}
