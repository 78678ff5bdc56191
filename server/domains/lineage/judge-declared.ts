import type { Placement } from './place.ts'
import type { Edge, Judgement } from './relations.ts'
import { type DeclaredRow, judged } from './store.ts'

/** What the weights say of each base that a model declares. */
export function judgeDeclared(
  declared: readonly DeclaredRow[],
  { edges, related, judgements }: Placement,
  known: ReadonlyMap<string, readonly Edge[]>,
  hasSketch: (id: string) => boolean,
): DeclaredRow[] {
  const parents = edges.map(({ parent }) => parent)
  const nearest = parents[0] ?? related[0]
  const judge = (id: string, relation: string | null): Judgement => {
    if (parents.includes(id)) return { verdict: 'confirmed', reason: 'parent' }
    if (isAncestor(id, parents, known)) return { verdict: 'confirmed', reason: 'ancestor' }
    if (related.includes(id))
      return { verdict: 'relative', reason: 'nearer-relative', ...(nearest && { nearest }) }
    // An adapter may have changed so little that nothing can be seen of its base.
    if (relation === 'adapter') return { verdict: 'unverifiable', reason: 'adapter-only' }
    return { verdict: 'refuted', reason: 'unrelated' }
  }
  return declared.map(row => {
    const { base_id: id } = row
    if (id === null) return judged(row, { verdict: 'unverifiable', reason: 'not-here' })
    if (!hasSketch(id)) return judged(row, { verdict: 'unverifiable', reason: 'no-weights' })
    return judged(row, judgements.get(id) ?? judge(id, row.relation))
  })
}

function isAncestor(
  id: string,
  parents: readonly string[],
  known: ReadonlyMap<string, readonly Edge[]>,
): boolean {
  const seen = new Set(parents)
  // A set goes on over what is added to it meanwhile.
  for (const one of seen) for (const { parent } of known.get(one) ?? []) seen.add(parent)
  return seen.has(id)
}
