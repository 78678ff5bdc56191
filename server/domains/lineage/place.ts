import type { Sketch } from '../sketches/index.ts'
import { isAdapter } from './adapters.ts'
import { type Change, changeOf, isQuantized } from './changed.ts'
import { type Comparison, compare, type Screening, screen } from './compare.ts'
import { invariantDistance, isDisguised } from './disguise.ts'
import { evidenceOf } from './evidence.ts'
import { exactnessOf } from './exact.ts'
import { judge } from './judge.ts'
import { findMix, flatten, roundingNoise } from './merges.ts'
import { placeAdapter } from './place-adapter.ts'
import type { Edge, Judgement, Relation } from './relations.ts'
import { type Shape, shapeOf, structureOf } from './structure.ts'
import { findTaskMerge } from './task-vectors.ts'

/** A model as lineage sees it. */
export interface Member {
  readonly id: string
  readonly sketch: Sketch
  /** Ids of models of this hub that the card, the adapter's configuration or a recipe names as bases. A hint where weights cannot decide, never evidence. */
  readonly declared: readonly string[]
}

/** What is known of the models that were here before. Loading a sketch may take time, so it is asked for those alone that are looked at. */
export interface Known {
  /** Models that may be related, all of them, in order of their arrival: the candidate step (`candidates.ts`) names them. */
  readonly candidates: readonly Member[]
  /** Parents that were recovered for a candidate. */
  edgesOf(id: string): readonly Edge[]
}

export interface Placement {
  /** Parents; none: a root, or nothing can be said. */
  readonly edges: readonly Edge[]
  /** Candidates of the same family, nearest first: what joins the model to a family even where no parent is named. */
  readonly related: readonly string[]
  readonly judgements: ReadonlyMap<string, Judgement>
}

export interface Relative {
  readonly member: Member
  readonly comparison: Comparison
  readonly shape: Shape
  readonly quantized: boolean
  /** Decides between models of the same values: the declared one, then one of the child's type, then the earliest. */
  readonly tie: number
}

/** Where a model came from, of those that were here before it. Pure: the same sketches give the same answer. */
export function place(member: Member, known: Known): Placement {
  const placed = isAdapter(member.sketch) ? placeAdapter(member, known) : placeModel(member, known)
  return { ...placed, judgements: judge(member, placed, known) }
}

function placeModel(member: Member, known: Known): Omit<Placement, 'judgements'> {
  const type = member.sketch.tensors.find(({ layer }) => layer >= 0)?.dtype
  const related = known.candidates
    .flatMap((candidate): Relative[] => {
      const screening = screen(member.sketch, candidate.sketch)
      if (!isRelated(screening)) return []
      const comparison = compare(member.sketch, candidate.sketch, screening)
      const shape = shapeOf(candidate.sketch)
      const tie =
        (member.declared.includes(candidate.id) ? 0 : 2) +
        (candidate.sketch.tensors.some(({ layer, dtype }) => layer >= 0 && dtype === type) ? 0 : 1)
      return [{ member: candidate, comparison, shape, quantized: isQuantized(candidate.sketch), tie }]
    })
    .sort((a, b) => a.comparison.distance - b.comparison.distance || a.tie - b.tie)
  return {
    edges: edgesOf(member, related, known),
    related: related.map(({ member: { id } }) => id),
  }
}

function isRelated({ likeLayers, gram }: Screening): boolean {
  return likeLayers >= 0.5 || (gram ?? 0) >= 0.6
}

function edgesOf(child: Member, related: readonly Relative[], known: Known): Edge[] {
  if (related.length === 0) return []
  const exact = exactParent(child, related)
  if (exact) return [exact]
  const whole = related.filter(({ quantized }) => !quantized)
  const parents = whole.length > 0 ? whole : related
  const shape = shapeOf(child.sketch)
  const disguised = parents.filter(({ comparison, shape: other }) =>
    isDisguised(comparison, shape.ffn === other.ffn),
  )
  if (disguised.length === parents.length) return disguiseOf(child, parents)
  if (isQuantized(child.sketch)) return [edgeTo(parents[0] as Relative, 'quantized')]
  const merged = mergeOf(child, shape, parents)
  if (merged) return merged
  const parent = nearestParent(shape, parents, known)
  return [edgeTo(parent, relationTo(child, shape, parent))]
}

/** Of which the child has every value, exactly or rounded to the child's type. */
function exactParent(child: Member, related: readonly Relative[]): Edge | undefined {
  const exact = related.flatMap(relative => {
    if (relative.comparison.distance > 0.02) return []
    const exactness = exactnessOf(relative.comparison, child.sketch.tensors.length)
    const whole = exactness.whole && relative.member.sketch.tensors.length === child.sketch.tensors.length
    return whole && exactness.share >= 0.9995 ? [{ relative, exactness }] : []
  })
  const copy = exact.find(({ exactness }) => exactness.unrounded && exactness.sameTypes)
  if (copy) return edgeTo(copy.relative, 'copy')
  const cast = exact.find(({ exactness }) => exactness.unrounded) ?? exact[0]
  return cast && edgeTo(cast.relative, 'cast')
}

function disguiseOf(child: Member, related: readonly Relative[]): Edge[] {
  const byDistance = related
    .map(relative => ({ relative, distance: invariantDistance(child.sketch, relative.member.sketch) ?? 1 }))
    .sort((a, b) => a.distance - b.distance || a.relative.tie - b.relative.tie)
  const [best] = byDistance
  return best ? [edgeTo(best.relative, 'laundered')] : []
}

const mergeCandidates = 24

function mergeOf(child: Member, shape: Shape, related: readonly Relative[]): Edge[] | undefined {
  const flat = flatten(child.sketch, child.sketch)
  if (!flat) return undefined
  const candidates = related
    .flatMap(relative => {
      const values = flatten(relative.member.sketch, child.sketch)
      return values ? [{ relative, values }] : []
    })
    .slice(0, mergeCandidates)
  const noise = roundingNoise(child.sketch, flat)
  const flats = candidates.map(({ values }) => values)
  const dtype = child.sketch.tensors.find(({ layer }) => layer >= 0)?.dtype ?? 'F32'
  const mix = findMix(flat, flats, noise)
  if (mix)
    return mix.members.map(place =>
      edgeTo((candidates[place] as (typeof candidates)[0]).relative, `merge_${mix.kind}`),
    )
  const task = findTaskMerge(flat, dtype, flats)
  if (task)
    return task.members.map(place =>
      edgeTo((candidates[place] as (typeof candidates)[0]).relative, `merge_${task.kind}`),
    )
  return undefined
}

function nearestParent(shape: Shape, related: readonly Relative[], known: Known): Relative {
  const adjusted = related
    .map(relative => ({
      relative,
      distance: relative.comparison.distance * (structureOf(shape, relative.shape) === 'same' ? 1 : 1.15),
    }))
    .sort((a, b) => a.distance - b.distance || a.relative.tie - b.relative.tie)
  return (adjusted[0] as (typeof adjusted)[0]).relative
}

function relationTo(child: Member, shape: Shape, parent: Relative): Relation {
  switch (structureOf(shape, parent.shape)) {
    case 'fewer-layers':
      return 'pruned_layers'
    case 'more-layers':
      return 'merge_passthrough'
    case 'narrower':
      return 'pruned_width'
    case 'other-vocabulary':
      return 'vocab_resized'
    default: {
      if (zeroShare(child.sketch) >= 0.15 && zeroShare(parent.member.sketch) < 0.05) return 'sparse'
      const change = changeOf(parent.comparison)
      return isLowRank(change) ? 'lora_merged' : 'finetune'
    }
  }
}

function zeroShare({ tensors }: Sketch): number {
  let [zero, count] = [0, 0]
  for (const { columns, layer, values } of tensors) {
    if (columns === 1 || layer < 0) continue
    count += values.length
    for (const value of values) if (value === 0) zero++
  }
  return count ? zero / count : 0
}

function isLowRank({ vectorsKept, outerKept, rank }: Change): boolean {
  return vectorsKept > 0.99 && outerKept > 0.99 && (rank === undefined || rank < 0.95)
}

function edgeTo({ member, comparison }: Relative, relation: Relation): Edge {
  return { parent: member.id, relation, score: comparison.rho, evidence: evidenceOf(comparison) }
}
