import type { Sql } from '../../ports/database.ts'
import type { Edge, Judgement } from './relations.ts'
import type { LineageTables } from './tables.ts'

/** SQL of members, edges and declarations; `store-families.ts` has that of families. */

export const tables = (sql: Sql) => sql.withTables<LineageTables>()

export type MemberRow = LineageTables['lineage_members']
export type DeclaredRow = LineageTables['lineage_declared']
/** Without its code, which is only for the index. */
export type Placed = Omit<MemberRow, 'code'>

const placed = [
  ...(['repo_id', 'sketch_key', 'commit_id', 'ordered_at', 'family_id', 'own_family'] as const),
  ...(['generation', 'is_private', 'is_gone', 'name', 'version'] as const),
] as const

/** Databases take so many values in one statement. */
const batchSize = 500

export async function inBatches<Item, Row>(
  items: Iterable<Item>,
  load: (batch: Item[]) => Promise<readonly Row[]>,
): Promise<Row[]> {
  const all = [...items]
  const rows: Row[] = []
  for (let at = 0; at < all.length; at += batchSize) rows.push(...(await load(all.slice(at, at + batchSize))))
  return rows
}

export async function versionOf(sql: Sql): Promise<number> {
  return (await tables(sql).selectFrom('lineage_state').select('version').executeTakeFirstOrThrow()).version
}

/** The next version; undefined when the tree has changed since `seen`. Others who change it wait for this transaction. */
export async function takeVersion(tx: Sql, seen?: number): Promise<number | undefined> {
  const row = await tables(tx)
    .updateTable('lineage_state')
    .set(eb => ({ version: eb('version', '+', 1) }))
    .where('id', '=', 1)
    .$if(seen !== undefined, query => query.where('version', '=', seen as number))
    .returning('version')
    .executeTakeFirst()
  return row?.version
}

export async function findMembers(sql: Sql, ids: Iterable<string>): Promise<Map<string, Placed>> {
  const rows = await inBatches(new Set(ids), batch =>
    tables(sql).selectFrom('lineage_members').select(placed).where('repo_id', 'in', batch).execute(),
  )
  return new Map(rows.map(row => [row.repo_id, row]))
}

export async function membersOfFamilies(sql: Sql, families: Iterable<string>): Promise<Placed[]> {
  return await inBatches(new Set(families), batch =>
    tables(sql).selectFrom('lineage_members').select(placed).where('family_id', 'in', batch).execute(),
  )
}

export async function saveMember(tx: Sql, row: MemberRow): Promise<void> {
  await tables(tx)
    .insertInto('lineage_members')
    .values(row)
    .onConflict(conflict => conflict.column('repo_id').doUpdateSet(row))
    .execute()
}

export async function updateMember(tx: Sql, id: string, change: Partial<MemberRow>): Promise<void> {
  await tables(tx).updateTable('lineage_members').set(change).where('repo_id', '=', id).execute()
}

/** What the index has not seen: rows after a version, in pages. */
export async function changedCodes(
  sql: Sql,
  after: { version: number; id: string },
): Promise<Pick<MemberRow, 'repo_id' | 'sketch_key' | 'ordered_at' | 'code' | 'version'>[]> {
  return await tables(sql)
    .selectFrom('lineage_members')
    .select(['repo_id', 'sketch_key', 'ordered_at', 'code', 'version'])
    .where(({ or, and, eb }) =>
      or([
        eb('version', '>', after.version),
        and([eb('version', '=', after.version), eb('repo_id', '>', after.id)]),
      ]),
    )
    .orderBy('version')
    .orderBy('repo_id')
    .limit(1000)
    .execute()
}

export async function edgesOf(sql: Sql, children: Iterable<string>): Promise<Map<string, Edge[]>> {
  const rows = await inBatches(new Set(children), batch =>
    tables(sql)
      .selectFrom('lineage_edges')
      .selectAll()
      .where('child_id', 'in', batch)
      .orderBy('child_id')
      .orderBy('position')
      .execute(),
  )
  const edges = new Map<string, Edge[]>()
  for (const { child_id, parent_id, relation, score, evidence } of rows) {
    const edge = { parent: parent_id, relation, score, evidence: JSON.parse(evidence) } as Edge
    edges.set(child_id, [...(edges.get(child_id) ?? []), edge])
  }
  return edges
}

export async function saveEdges(
  tx: Sql,
  child: string,
  edges: readonly Edge[],
  links: readonly string[],
): Promise<void> {
  await tables(tx).deleteFrom('lineage_edges').where('child_id', '=', child).execute()
  await tables(tx).deleteFrom('lineage_links').where('member_id', '=', child).execute()
  if (edges.length > 0) {
    const rows = edges.map(({ parent, relation, score, evidence }, position) => ({
      ...{ child_id: child, parent_id: parent, position, relation, score },
      evidence: JSON.stringify(evidence),
    }))
    await tables(tx).insertInto('lineage_edges').values(rows).execute()
  }
  if (links.length > 0) {
    const rows = links.map(other_id => ({ member_id: child, other_id }))
    await tables(tx).insertInto('lineage_links').values(rows).execute()
  }
}

/** Whether others stand on it, as children or as relatives. */
export async function isReferred(sql: Sql, id: string): Promise<boolean> {
  const child = await tables(sql)
    .selectFrom('lineage_edges')
    .select('child_id')
    .where('parent_id', '=', id)
    .limit(1)
    .executeTakeFirst()
  if (child) return true
  const relative = await tables(sql)
    .selectFrom('lineage_links')
    .select('member_id')
    .where('other_id', '=', id)
    .limit(1)
    .executeTakeFirst()
  return relative !== undefined
}

export async function declaredBy(sql: Sql, ids: Iterable<string>): Promise<Map<string, DeclaredRow[]>> {
  const rows = await inBatches(new Set(ids), batch =>
    tables(sql)
      .selectFrom('lineage_declared')
      .selectAll()
      .where('repo_id', 'in', batch)
      .orderBy('repo_id')
      .orderBy('position')
      .execute(),
  )
  const declared = new Map<string, DeclaredRow[]>()
  for (const row of rows) declared.set(row.repo_id, [...(declared.get(row.repo_id) ?? []), row])
  return declared
}

export async function saveDeclared(tx: Sql, id: string, rows: readonly DeclaredRow[]): Promise<void> {
  await tables(tx).deleteFrom('lineage_declared').where('repo_id', '=', id).execute()
  if (rows.length > 0) await tables(tx).insertInto('lineage_declared').values(rows).execute()
}

/** Those who call it their base. */
export async function declarersOf(sql: Sql, baseId: string): Promise<string[]> {
  const rows = await tables(sql)
    .selectFrom('lineage_declared')
    .select('repo_id')
    .where('base_id', '=', baseId)
    .execute()
  return [...new Set(rows.map(({ repo_id }) => repo_id))]
}

/** Those who call `baseId` their base, by a name that was nobody's. Returns how many. */
export async function joinStubs(tx: Sql, nameKey: string, baseId: string): Promise<void> {
  await tables(tx)
    .updateTable('lineage_declared')
    .set({ base_id: baseId })
    .where('name_key', '=', nameKey)
    .where('base_id', 'is', null)
    .execute()
}

export async function leaveStubs(tx: Sql, baseId: string): Promise<void> {
  const left = {
    base_id: null,
    verdict: 'unverifiable',
    reason: 'not-here',
    nearest_id: null,
    evidence: null,
  }
  await tables(tx).updateTable('lineage_declared').set(left).where('base_id', '=', baseId).execute()
}

/** Bases that a judgement is about. */
export function judged(row: DeclaredRow, { verdict, reason, nearest, evidence }: Judgement): DeclaredRow {
  return {
    ...row,
    ...{ verdict, reason, nearest_id: nearest ?? null },
    evidence: evidence ? JSON.stringify(evidence) : null,
  }
}

/** Keys of sketches that a place in the tree stands on. */
export async function sketchesOfMembers(sql: Sql, keys: readonly string[]): Promise<Set<string>> {
  const rows = await tables(sql)
    .selectFrom('lineage_members')
    .select('sketch_key')
    .where('sketch_key', 'in', keys)
    .execute()
  return new Set(rows.map(({ sketch_key }) => sketch_key as string))
}
