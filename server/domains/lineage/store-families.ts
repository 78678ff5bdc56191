import type { Sql } from '../../ports/database.ts'
import { inBatches, type Placed, tables } from './store.ts'

/** SQL of families: who belongs together, how large they are, the pages of them. */

/** Edges and links between members of these families, as pairs. */
export async function tiesOfFamilies(sql: Sql, families: Iterable<string>): Promise<[string, string][]> {
  const all = [...new Set(families)]
  const edges = await inBatches(all, batch =>
    tables(sql)
      .selectFrom('lineage_edges')
      .innerJoin('lineage_members', 'repo_id', 'child_id')
      .select(['child_id', 'parent_id'])
      .where('family_id', 'in', batch)
      .execute(),
  )
  const links = await inBatches(all, batch =>
    tables(sql)
      .selectFrom('lineage_links')
      .innerJoin('lineage_members', 'repo_id', 'member_id')
      .select(['member_id', 'other_id'])
      .where('family_id', 'in', batch)
      .execute(),
  )
  return [
    ...edges.map(({ child_id, parent_id }): [string, string] => [child_id, parent_id]),
    ...links.map(({ member_id, other_id }): [string, string] => [member_id, other_id]),
  ]
}

export async function setFamily(tx: Sql, ids: readonly string[], family: string): Promise<void> {
  await inBatches(ids, async batch => {
    await tables(tx)
      .updateTable('lineage_members')
      .set({ family_id: family })
      .where('repo_id', 'in', batch)
      .execute()
    return []
  })
}

/** Counts these anew. */
export async function countFamilies(tx: Sql, families: Iterable<string>): Promise<void> {
  await inBatches(new Set(families), async batch => {
    await tables(tx).deleteFrom('lineage_families').where('id', 'in', batch).execute()
    const counts = await tables(tx)
      .selectFrom('lineage_members')
      .select(({ fn }) => ['family_id', fn.countAll<number>().as('members')])
      .where('family_id', 'in', batch)
      .where('is_private', '=', 0)
      .where('is_gone', '=', 0)
      .groupBy('family_id')
      .execute()
    const rows = counts
      .filter(({ members }) => members > 1)
      .map(({ family_id, members }) => ({ id: family_id as string, members }))
    if (rows.length > 0) await tables(tx).insertInto('lineage_families').values(rows).execute()
    return []
  })
}

/** Every id that a family has ever had leads to it. */
export async function findFamily(sql: Sql, id: string): Promise<string | undefined> {
  const row = await tables(sql)
    .selectFrom('lineage_members')
    .select('family_id')
    .where('own_family', '=', id)
    .where('family_id', 'is not', null)
    .executeTakeFirst()
  return row?.family_id ?? undefined
}

export interface FamilyPage {
  readonly after?: { readonly order: number; readonly id: string } | undefined
  /** At most so many steps from a root. */
  readonly depth?: number | undefined
  /** Only members that have a parent by this relation. */
  readonly relation?: string | undefined
  readonly limit: number
}

export type FamilyMember = Pick<
  Placed,
  'repo_id' | 'ordered_at' | 'generation' | 'is_gone' | 'is_private' | 'name'
>

export async function pageOfFamily(
  sql: Sql,
  family: string,
  { after, depth, relation, limit }: FamilyPage,
): Promise<FamilyMember[]> {
  return await tables(sql)
    .selectFrom('lineage_members')
    .select(['repo_id', 'ordered_at', 'generation', 'is_gone', 'is_private', 'name'])
    .where('family_id', '=', family)
    .$if(depth !== undefined, query => query.where('generation', '<=', depth as number))
    .$if(relation !== undefined, query =>
      query.where(({ exists, selectFrom }) =>
        exists(
          selectFrom('lineage_edges')
            .select('child_id')
            .whereRef('child_id', '=', 'lineage_members.repo_id')
            .where('relation', '=', relation as string),
        ),
      ),
    )
    .$if(after !== undefined, query =>
      query.where(({ or, and, eb }) =>
        or([
          eb('ordered_at', '>', after!.order),
          and([eb('ordered_at', '=', after!.order), eb('repo_id', '>', after!.id)]),
        ]),
      ),
    )
    .orderBy('ordered_at')
    .orderBy('repo_id')
    .limit(limit)
    .execute()
}

export async function sizeOfFamily(sql: Sql, family: string): Promise<number> {
  const row = await tables(sql)
    .selectFrom('lineage_families')
    .select('members')
    .where('id', '=', family)
    .executeTakeFirst()
  return row?.members ?? 1
}

export interface RankedFamily {
  readonly id: string
  readonly members: number
  /** What it is ranked by. */
  readonly value: number
}

type After = { readonly value: number; readonly id: string } | undefined

export async function largestFamilies(sql: Sql, after: After, limit: number): Promise<RankedFamily[]> {
  const rows = await tables(sql)
    .selectFrom('lineage_families')
    .selectAll()
    .$if(after !== undefined, query =>
      query.where(({ or, and, eb }) =>
        or([
          eb('members', '<', after!.value),
          and([eb('members', '=', after!.value), eb('id', '<', after!.id)]),
        ]),
      ),
    )
    .orderBy('members', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
    .execute()
  return rows.map(({ id, members }) => ({ id, members, value: members }))
}

/** By how many members that anyone may see came since `since`. */
export async function growingFamilies(
  sql: Sql,
  since: number,
  after: After,
  limit: number,
): Promise<RankedFamily[]> {
  const grown = tables(sql)
    .selectFrom('lineage_members')
    .innerJoin('lineage_families', 'lineage_families.id', 'lineage_members.family_id')
    .select(({ fn }) => ['id', 'members', fn.countAll<number>().as('value')])
    .where('ordered_at', '>=', since)
    .where('is_private', '=', 0)
    .where('is_gone', '=', 0)
    .groupBy(['id', 'members'])
  return await tables(sql)
    .selectFrom(grown.as('grown'))
    .selectAll()
    .$if(after !== undefined, query =>
      query.where(({ or, and, eb }) =>
        or([eb('value', '<', after!.value), and([eb('value', '=', after!.value), eb('id', '<', after!.id)])]),
      ),
    )
    .orderBy('value', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
    .execute()
}

/** How many children that anyone may see it has, by relation. */
export async function countChildren(sql: Sql, id: string): Promise<Record<string, number>> {
  const rows = await tables(sql)
    .selectFrom('lineage_edges')
    .innerJoin('lineage_members', 'repo_id', 'child_id')
    .select(({ fn }) => ['relation', fn.countAll<number>().as('count')])
    .where('parent_id', '=', id)
    .where('is_private', '=', 0)
    .where('is_gone', '=', 0)
    .groupBy('relation')
    .orderBy('relation')
    .execute()
  return Object.fromEntries(rows.map(({ relation, count }) => [relation, count]))
}

/** The first member of each family, which it is named after. */
export async function firstMembers(
  sql: Sql,
  families: readonly string[],
): Promise<Map<string, FamilyMember>> {
  const rows = await inBatches(families, batch =>
    tables(sql)
      .selectFrom('lineage_members')
      .select(['repo_id', 'ordered_at', 'generation', 'is_gone', 'is_private', 'name', 'own_family'])
      .where('own_family', 'in', batch)
      .where('family_id', 'is not', null)
      .execute(),
  )
  return new Map(rows.map(row => [row.own_family, row]))
}

/** All members in order of their arrival. */
export async function pageByOrder(
  sql: Sql,
  after: { order: number; id: string } | undefined,
  limit: number,
): Promise<Pick<Placed, 'repo_id' | 'ordered_at'>[]> {
  return await tables(sql)
    .selectFrom('lineage_members')
    .select(['repo_id', 'ordered_at'])
    .where('sketch_key', 'is not', null)
    .$if(after !== undefined, query =>
      query.where(({ or, and, eb }) =>
        or([
          eb('ordered_at', '>', after!.order),
          and([eb('ordered_at', '=', after!.order), eb('repo_id', '>', after!.id)]),
        ]),
      ),
    )
    .orderBy('ordered_at')
    .orderBy('repo_id')
    .limit(limit)
    .execute()
}

/** Members after `last`, in order of their ids, for who reads all of them. */
export async function pageOfMembers(
  sql: Sql,
  last: string,
  limit: number,
): Promise<Pick<Placed, 'repo_id' | 'family_id'>[]> {
  return await tables(sql)
    .selectFrom('lineage_members')
    .select(['repo_id', 'family_id'])
    .where('repo_id', '>', last)
    .where('sketch_key', 'is not', null)
    .where('is_gone', '=', 0)
    .orderBy('repo_id')
    .limit(limit)
    .execute()
}
