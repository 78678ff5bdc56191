import { fitAdapter } from './adapters.ts'
import { compare } from './compare.ts'
import { evidenceOf } from './evidence.ts'
import { exactnessOf } from './exact.ts'
import type { Known, Member, Placement } from './member.ts'
import type { Edge, Judgement } from './relations.ts'
import { isAdapter, shapeOf } from './structure.ts'

/** What the weights say of each base that is declared and is among those that were here before. */
export function judge(
  member: Member,
  placed: Omit<Placement, 'judgements'>,
  known: Known,
): ReadonlyMap<string, Judgement> {
  const byId = new Map(known.candidates.map(candidate => [candidate.id, candidate]))
  const judgements = new Map<string, Judgement>()
  for (const id of new Set(member.declared)) {
    const base = byId.get(id)
    if (base) judgements.set(id, judgeBase(member, base, placed, known, byId))
  }
  return judgements
}

function judgeBase(
  member: Member,
  base: Member,
  { edges, related }: Omit<Placement, 'judgements'>,
  known: Known,
  byId: ReadonlyMap<string, Member>,
): Judgement {
  if (edges.some(({ parent }) => parent === base.id)) return { verdict: 'confirmed', reason: 'parent' }
  const ancestors = ancestorsOf(edges, known)
  if (ancestors.has(base.id)) return { verdict: 'confirmed', reason: 'ancestor' }
  for (const id of ancestors) {
    const ancestor = byId.get(id)
    if (ancestor && sameValues(base, ancestor)) return { verdict: 'confirmed', reason: 'same-values' }
  }
  const [nearest] = edges
  if (related.includes(base.id))
    return { verdict: 'relative', reason: 'nearer-relative', ...(nearest && { nearest: nearest.parent }) }
  if (isAdapter(member.sketch)) return judgeAdapter(member, base, edges, related)
  const comparison = compare(member.sketch, base.sketch)
  const evidence = evidenceOf(comparison)
  const like = Object.values(evidence.components).filter(r => r >= partlyAlike).length
  if (like > 0) return { verdict: 'partial', reason: 'some-components', evidence }
  const reason = shapeOf(member.sketch).hidden === shapeOf(base.sketch).hidden ? 'unrelated' : 'other-shape'
  return { verdict: 'refuted', reason, evidence, ...(nearest && { nearest: nearest.parent }) }
}

/** Of a component with thousands of sampled values: independent ones reach 0.21 where a few columns are large. */
const partlyAlike = 0.3

/** An adapter's own values tell of the family when another family is nearer, or when the base has no place for it. */
function judgeAdapter(
  member: Member,
  base: Member,
  edges: readonly Edge[],
  related: readonly string[],
): Judgement {
  const [nearest] = edges
  if (!adapterFits(member, base))
    return { verdict: 'refuted', reason: 'other-shape', ...(nearest && { nearest: nearest.parent }) }
  if (related.length > 0)
    return { verdict: 'refuted', reason: 'unrelated', ...(nearest && { nearest: nearest.parent }) }
  return { verdict: 'unverifiable', reason: 'adapter-only' }
}

function ancestorsOf(edges: readonly Edge[], known: Known): Set<string> {
  const found = new Set<string>()
  const open = edges.map(({ parent }) => parent)
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (found.has(id)) continue
    found.add(id)
    open.push(...known.edgesOf(id).map(({ parent }) => parent))
  }
  return found
}

function sameValues(a: Member, b: Member): boolean {
  if (a.sketch.tensors.length !== b.sketch.tensors.length) return false
  const { share, whole } = exactnessOf(compare(a.sketch, b.sketch))
  return whole && share >= 0.9995
}

function adapterFits(adapter: Member, base: Member): boolean {
  return fitAdapter(adapter.sketch, base.sketch).fits
}
