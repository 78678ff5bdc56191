import { repoId } from '../../kernel/repository.ts'
import { ofOthers } from './other-repos.ts'
import type { CatalogParts } from './parts.ts'
import { identity, listed, listedKeys, pick, properties, repoOfRow } from './present.ts'
import { type Position, searchRepos } from './search-repos.ts'
import { type CatalogRow, tagsOf } from './store.ts'
import { factsOfHeads } from './store-facts.ts'

/** What each line of a list shall say. */
export interface Shape {
  /** Only these, when there are any. */
  readonly expand: readonly string[]
  /** These beside the usual ones. */
  readonly extra: readonly string[]
}

export interface ListPage {
  readonly lines: readonly Record<string, unknown>[]
  /** Where the next page begins; undefined at the end. */
  readonly next: Position | undefined
}

export async function listPage(
  { database: { sql } }: CatalogParts,
  query: Omit<Parameters<typeof searchRepos>[1], 'limit'>,
  limit: number,
  { expand, extra }: Shape,
): Promise<ListPage> {
  const { rows, positionOf } = await searchRepos(sql, { ...query, limit: limit + 1 })
  let page = rows.slice(0, limit)
  const asked = [...expand, ...extra]
  let lines: Record<string, unknown>[]
  if (asked.every(property => listedKeys.has(property))) {
    const tags = await tagsOf(
      sql,
      page.map(row => row.repo_id),
    )
    lines = page.map(row => listed(row, tags.get(row.repo_id) ?? []))
  } else {
    const { heads, fitting } = await factsOfHeads(
      sql,
      page.map(row => row.repo_id),
    )
    page = page.slice(0, fitting)
    const others = await ofOthers(
      sql,
      page.map(row => repoId(row)),
      asked,
    )
    lines = page.map(row => {
      const head = heads.get(row.repo_id)
      // Of a new one, until its first job has run, there is what the row says.
      const line = listed(row, head?.facts.tags ?? [])
      if (!head) return line
      const all = properties({
        repo: repoOfRow(row),
        counts: row,
        commitId: row.commit_id ?? undefined,
        modifiedAt: row.modified_at,
        facts: head.facts,
        siblings: head.paths.map(rfilename => ({ rfilename })),
      })
      return { ...line, ...pick({ ...all, ...others(repoId(row)) }, asked) }
    })
  }
  if (expand.length > 0) lines = lines.map((line, n) => ({ ...named(page[n]!), ...pick(line, expand) }))
  const last = page.length - 1
  return { lines, next: rows.length > page.length && last >= 0 ? positionOf(last) : undefined }
}

function named(row: CatalogRow): Record<string, unknown> {
  const { _id, id } = identity(repoOfRow(row))
  return { _id, id }
}
