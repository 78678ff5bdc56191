import { isQuantized } from './changed.ts'
import { compare, screen } from './compare.ts'
import type { Member } from './member.ts'
import { place } from './place.ts'
import type { Relation } from './relations.ts'
import { isAdapter } from './structure.ts'

/**
 * In which order models may have come to be, from their weights and their cards alone, for hubs whose times say nothing. Parents before
 * children: what shows its direction (a rounded, cut, quantised or merged model comes after what it is made of) decides first; then each family is
 * told from its root outwards, the nearest next. The root is the model that most others declare, else the one in the middle.
 */
export function inferOrder(members: readonly Member[]): Member[] {
  const after = madeOf(members)
  const near = distancesOf(members)
  // A base that is named and related came first; a name alone says nothing.
  for (const { id, declared } of members) {
    const bases = declared.filter(base => near.get(id)?.has(base))
    if (bases.length > 0) after.set(id, new Set([...(after.get(id) ?? []), ...bases]))
  }
  const votes = votesOf(members)
  const placed = new Set<string>()
  const order: Member[] = []
  const open = new Map(members.map(member => [member.id, member]))
  while (open.size > 0) {
    const free = [...open.values()].filter(({ id }) =>
      [...(after.get(id) ?? [])].every(parent => placed.has(parent) || !open.has(parent)),
    )
    const choice = nextOf(free.length > 0 ? free : [...open.values()], placed, near, votes)
    open.delete(choice.id)
    placed.add(choice.id)
    order.push(choice)
  }
  return order
}

type Distances = ReadonlyMap<string, ReadonlyMap<string, number>>

const directed = new Set<Relation>([
  ...([
    'quantized',
    'adapter',
    'merge_linear',
    'merge_slerp',
    'merge_ties',
    'merge_dare',
    'merge_passthrough',
  ] as const),
  ...(['pruned_layers', 'pruned_width', 'sparse', 'vocab_resized'] as const),
])

/** The models that one was made of, where that shows whatever came first. */
function madeOf(members: readonly Member[]): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>()
  for (const member of members) {
    const candidates = members.filter(({ id }) => id !== member.id)
    const { edges } = place(member, { candidates, edgesOf: () => [] })
    const parents = edges.filter(({ relation }) => directed.has(relation)).map(({ parent }) => parent)
    if (parents.length > 0) found.set(member.id, new Set(parents))
  }
  return found
}

function distancesOf(members: readonly Member[]): Distances {
  const distances = new Map<string, Map<string, number>>(members.map(({ id }) => [id, new Map()]))
  for (const [index, a] of members.entries()) {
    for (const b of members.slice(0, index)) {
      const screening = screen(a.sketch, b.sketch)
      if (screening.likeLayers < 0.5) continue
      const { distance } = compare(a.sketch, b.sketch, screening)
      distances.get(a.id)?.set(b.id, distance)
      distances.get(b.id)?.set(a.id, distance)
    }
  }
  return distances
}

function votesOf(members: readonly Member[]): Map<string, number> {
  const votes = new Map<string, number>()
  for (const { declared } of members) for (const id of declared) votes.set(id, (votes.get(id) ?? 0) + 1)
  return votes
}

/** The nearest to what is placed; with nothing near, a root. Quantised models and adapters come last. */
function nextOf(
  free: readonly Member[],
  placed: ReadonlySet<string>,
  near: Distances,
  votes: ReadonlyMap<string, number>,
): Member {
  let best: { member: Member; distance: number } | undefined
  for (const member of free) {
    if (isLeaf(member)) continue
    for (const [id, distance] of near.get(member.id) ?? [])
      if (placed.has(id) && distance < (best?.distance ?? Number.POSITIVE_INFINITY))
        best = { member, distance }
  }
  if (best) return best.member
  const score = (member: Member) => {
    const others = [...(near.get(member.id)?.values() ?? [])]
    const closeness = others.reduce((sum, distance) => sum + 1 / (0.05 + distance), 0) / (others.length || 1)
    return (isLeaf(member) ? -1e6 : 0) + (votes.get(member.id) ?? 0) * 1000 + closeness
  }
  return free.reduce((first, member) => (score(member) > score(first) ? member : first))
}

function isLeaf({ sketch }: Member): boolean {
  return isAdapter(sketch) || isQuantized(sketch)
}
