import type { Sql } from '../../ports/database.ts'
import { assignFamilies } from './families.ts'
import {
  type DeclaredRow,
  findMembers,
  type MemberRow,
  membersOfFamilies,
  type Placed,
  saveDeclared,
  saveEdges,
  saveMember,
  takeVersion,
  updateMember,
} from './store.ts'
import { countFamilies, setFamily, tiesOfFamilies } from './store-families.ts'
import type { Placing } from './tree-view.ts'

/** What has been worked out. */
export interface Change {
  readonly placements?: ReadonlyMap<string, Placing>
  /** New rows, and those whose place in the order has changed. */
  readonly members?: readonly (MemberRow | Placed)[]
  /** Of whatever members; only those of `placements` are written, or all where there are none. */
  readonly declared: ReadonlyMap<string, readonly DeclaredRow[]>
  readonly before?: Placed | undefined
}

/** Writes a change that was worked out when the tree had version `seen`. False when it has another one now. */
export async function saveTree(tx: Sql, seen: number, change: Change): Promise<boolean> {
  const version = await takeVersion(tx, seen)
  if (version === undefined) return false
  const { placements = new Map<string, Placing>(), members = [], declared } = change
  for (const member of members) {
    if ('code' in member) {
      await saveMember(tx, { ...member, family_id: member.family_id ?? member.own_family, version })
    } else await updateMember(tx, member.repo_id, { ordered_at: member.ordered_at, version })
  }
  for (const [id, { edges, links, generation }] of placements) {
    await saveEdges(tx, id, edges, links)
    await updateMember(tx, id, { generation })
  }
  const written = placements.size > 0 ? [...placements.keys()] : [...declared.keys()]
  for (const id of written) await saveDeclared(tx, id, declared.get(id) ?? [])
  await regroup(tx, change)
  return true
}

/** Families whose ties have changed are put together anew. */
async function regroup(tx: Sql, { placements, members = [], before }: Change): Promise<void> {
  const ids = new Set<string>()
  for (const [id, { edges, links }] of placements ?? [])
    for (const other of [id, ...links, ...edges.map(({ parent }) => parent)]) ids.add(other)
  if (ids.size === 0) return
  await regroupFamilies(tx, [
    ...members.map(member => member.family_id ?? member.own_family),
    ...(before?.family_id ? [before.family_id] : []),
    ...(await familiesOf(tx, ids)),
  ])
}

async function familiesOf(tx: Sql, ids: Iterable<string>): Promise<string[]> {
  return [...(await findMembers(tx, ids)).values()].flatMap(({ family_id }) => family_id ?? [])
}

export async function regroupFamilies(tx: Sql, families: Iterable<string>): Promise<void> {
  const before = new Set(families)
  const kin = await membersOfFamilies(tx, before)
  const after = assignFamilies(kin, await tiesOfFamilies(tx, before))
  const moved = Map.groupBy(
    kin.filter(({ repo_id, family_id }) => after.get(repo_id) !== family_id),
    ({ repo_id }) => after.get(repo_id) as string,
  )
  for (const [family, those] of moved)
    await setFamily(
      tx,
      those.map(({ repo_id }) => repo_id),
      family,
    )
  await countFamilies(tx, new Set([...before, ...after.values()]))
}
