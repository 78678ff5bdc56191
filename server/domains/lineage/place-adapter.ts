import { type AdapterFit, fitAdapter, mergedLikeness } from './adapters.ts'
import { isQuantized } from './changed.ts'
import { compare } from './compare.ts'
import { exactnessOf } from './exact.ts'
import type { Known, Member, Placement } from './member.ts'
import type { Edge, Measure, Relation } from './relations.ts'
import { isAdapter } from './structure.ts'

/** Above so many standard deviations an adapter was trained on a base of that family; bases of other weights stay below. */
const adapterLikeness = 5
/** Of the one base that is named, where nobody has looked for the best of many. */
const declaredLikeness = 3.5
const nearlyAsLike = 0.93
/** Above this an adapter is what was merged. */
const mergedCorrelation = 0.5

interface Base {
  readonly member: Member
  readonly fit: AdapterFit
}

export function placeAdapter(adapter: Member, known: Known): Omit<Placement, 'judgements'> {
  const copied = copyOf(adapter, known)
  if (copied) return { edges: [copied], related: [copied.parent] }
  const bases = known.candidates
    .filter(({ sketch }) => !isAdapter(sketch))
    .map((member): Base => ({ member, fit: fitAdapter(adapter.sketch, member.sketch) }))
    .filter(({ fit }) => fit.fits)
  const merged = mergedBase(adapter, bases, known)
  if (merged) return { edges: [merged], related: [merged.parent] }
  const best = Math.max(0, ...bases.map(({ fit }) => fit.likeness))
  const family = bases.filter(({ member, fit }) => {
    const least = adapter.declared.includes(member.id) ? declaredLikeness : adapterLikeness
    return fit.likeness >= Math.max(least, best * 0.5)
  })
  const whole = family.filter(({ member }) => !isQuantized(member.sketch))
  // Later training on like texts makes a relative more like the adapter than its base is: of those that are nearly as like, the first.
  const nearest = (whole.length > 0 ? whole : family).find(({ fit }) => fit.likeness >= best * nearlyAsLike)
  const declared = family.find(({ member }) => adapter.declared.includes(member.id))
  const parent = declared ?? nearest
  return {
    edges: parent
      ? [edgeTo(parent.member.id, 'adapter', Math.min(1, parent.fit.likeness / 10), measures(parent.fit))]
      : [],
    related: family.map(({ member }) => member.id),
  }
}

function measures({ likeness }: AdapterFit): Measure[] {
  return [{ measure: 'adapter-likeness', value: likeness, threshold: adapterLikeness }]
}

function edgeTo(parent: string, relation: Relation, score: number, measures: Measure[]): Edge {
  return { parent, relation, score, evidence: { measures, agree: 0, disagree: 0, components: {} } }
}

function copyOf(adapter: Member, known: Known): Edge | undefined {
  for (const { id, sketch } of known.candidates) {
    if (!isAdapter(sketch) || sketch.tensors.length !== adapter.sketch.tensors.length) continue
    const comparison = compare(adapter.sketch, sketch)
    const { share, whole } = exactnessOf(comparison)
    if (whole && share >= 0.9995)
      return edgeTo(id, 'copy', 1, [{ measure: 'equal', value: share, threshold: 0.9995 }])
  }
  return undefined
}

/** The base whose merged child differs from it by what the adapter adds. */
function mergedBase(adapter: Member, bases: readonly Base[], known: Known): Edge | undefined {
  const byId = new Map(bases.map(({ member }) => [member.id, member]))
  for (const { member } of bases) {
    for (const edge of known.edgesOf(member.id)) {
      const parent = byId.get(edge.parent)
      if (edge.relation !== 'lora_merged' || !parent) continue
      const value = mergedLikeness(adapter.sketch, member.sketch, parent.sketch)
      if (value >= mergedCorrelation)
        return edgeTo(parent.id, 'adapter', value, [
          { measure: 'merged-adapter', value, threshold: mergedCorrelation },
        ])
    }
  }
  return undefined
}
