import type { Sketch } from '../sketches/index.ts'
import { sharedValues } from './align.ts'
import { type Change, changeOf, isQuantized } from './changed.ts'
import { type Comparison, compare, onlySharesInitialisation, screen } from './compare.ts'
import { invariantDistance, isDisguised, keptShare, likeInvariants, likeTokens } from './disguise.ts'
import { evidenceOf } from './evidence.ts'
import { exactnessOf } from './exact.ts'
import { isForged } from './forged.ts'
import { judge } from './judge.ts'
import type { Known, Member, Placement } from './member.ts'
import { findMix, flatten, roundingNoise } from './merges.ts'
import { testNamedMerge } from './named-merge.ts'
import { placeAdapter } from './place-adapter.ts'
import type { Edge, Relation } from './relations.ts'
import { isSibling } from './sibling.ts'
import { findSlices } from './slices.ts'
import { isAdapter, type Shape, shapeOf, sizePenalty, structureOf } from './structure.ts'
import { findTaskMerge } from './task-vectors.ts'

interface Relative {
  readonly member: Member
  /** Of arrival. */
  readonly order: number
  readonly comparison: Comparison
  readonly shape: Shape
  readonly quantized: boolean
  /** See `invariantDistance`; not asked of models whose tokens are not alike. */
  readonly invariant: number | undefined
  /** Perhaps of one initialisation and no more. */
  readonly isWeak: boolean
  readonly isDeclared: boolean
  readonly isSameType: boolean
}

/** Where a model came from, of those that were here before it. Pure: the same sketches give the same answer. */
export function place(member: Member, known: Known): Placement {
  const placed = isAdapter(member.sketch) ? placeAdapter(member, known) : placeModel(member, known)
  return { ...placed, judgements: judge(member, placed, known) }
}

function placeModel(member: Member, known: Known): Omit<Placement, 'judgements'> {
  const type = typeOf(member.sketch)
  const alike = known.candidates
    .flatMap((candidate, order): Relative[] => {
      const screening = screen(member.sketch, candidate.sketch)
      const { likeLayers, gram = 0 } = screening
      if (likeLayers < mostLayers && gram < likeTokens) return []
      const invariant = gram >= likeTokens ? invariantDistance(member.sketch, candidate.sketch) : undefined
      if (likeLayers < mostLayers && (invariant === undefined || invariant > likeInvariants)) return []
      const comparison = compare(member.sketch, candidate.sketch, screening)
      if (isForged(member.sketch, candidate.sketch, comparison)) return []
      const sameInvariants = invariant !== undefined && invariant <= likeInvariants
      return [
        {
          member: candidate,
          order,
          comparison,
          invariant,
          shape: shapeOf(candidate.sketch),
          quantized: isQuantized(candidate.sketch),
          isWeak: !sameInvariants && isWeak(comparison),
          isDeclared: member.declared.includes(candidate.id),
          isSameType: typeOf(candidate.sketch) === type,
        },
      ]
    })
    .sort(byDistance)
  const related = withoutWeak(alike)
  return {
    edges: edgesOf(member, related, known),
    related: related.map(({ member: { id } }) => id),
  }
}

/** Rounded values that are equal by the thousand come from nowhere else. */
function isWeak(comparison: Comparison): boolean {
  return onlySharesInitialisation(comparison) && exactnessOf(comparison).share < 0.25
}

/** A weak relative counts only with a sure one that is its relative: what was dropped and scaled (DARE) is far from all that it is made of. */
function withoutWeak(alike: readonly Relative[]): Relative[] {
  const sure = alike.filter(({ isWeak }) => !isWeak)
  const witnesses = sure.slice(0, 3)
  return alike.filter(
    ({ isWeak, member }) =>
      !isWeak ||
      witnesses.some(witness => {
        const comparison = compare(witness.member.sketch, member.sketch)
        return comparison.likeLayers >= mostLayers && !onlySharesInitialisation(comparison)
      }),
  )
}

/** Share of layers that must be alike. */
const mostLayers = 0.5

/** Between models of the same values the declared one comes first, then one of the child's type, then the earliest. */
function byDistance(a: Relative, b: Relative): number {
  return a.comparison.distance - b.comparison.distance || byTie(a, b)
}

function byTie(a: Relative, b: Relative): number {
  return (
    Number(b.isDeclared) - Number(a.isDeclared) ||
    Number(b.isSameType) - Number(a.isSameType) ||
    a.order - b.order
  )
}

function typeOf({ tensors }: Sketch): string | undefined {
  return tensors.find(({ layer, columns }) => layer >= 0 && columns > 1)?.dtype
}

function edgesOf(child: Member, related: readonly Relative[], known: Known): Edge[] {
  if (related.length === 0) return []
  const exact = exactParent(child, related, known)
  if (exact) return [exact]
  const whole = related.filter(({ quantized }) => !quantized)
  const parents = whole.length > 0 ? whole : related
  const shape = shapeOf(child.sketch)
  const slices = slicesOf(child, shape, parents)
  if (slices) return slices
  const disguised = parents.filter(({ comparison, invariant, shape: other }) =>
    isDisguised(comparison, invariant, shape.ffn === other.ffn),
  )
  const hiddenness = ({ invariant = 1, shape: other }: Relative) =>
    (invariant + 0.002) * sizePenalty(shape, other)
  const [hidden] = [...disguised].sort((a, b) => hiddenness(a) - hiddenness(b) || byTie(a, b))
  const nearest = parents[0] as Relative
  const isFar =
    keptShare(nearest.comparison.tensors) < 0.3 &&
    (hidden?.invariant ?? 1) < 0.25 * nearest.comparison.distance
  if (hidden && (disguised.includes(nearest) || isFar))
    // Some ways of quantising (AWQ) scale what goes into a matrix, and the norm before it the other way.
    return [edgeTo(hidden, isQuantized(child.sketch) ? 'quantized' : 'laundered')]
  if (isQuantized(child.sketch)) {
    const ofItsShape = parents.filter(relative => structureOf(shape, relative.shape) === 'same')
    return [edgeTo(nearestParent(shape, ofItsShape.length > 0 ? ofItsShape : parents), 'quantized')]
  }
  const sparse = sparseParent(child, parents)
  if (sparse) return [sparse]
  const merged = mergeOf(child, parents, known)
  if (merged) return merged
  const parent = withoutBacktracking(shape, nearestParent(shape, parents), parents, known)
  return [edgeTo(parent, relationTo(shape, parent))]
}

/** Of which the child has every value, exactly or rounded to the child's type, and no others. */
function exactParent(child: Member, related: readonly Relative[], known: Known): Edge | undefined {
  const inside = related.flatMap(relative => {
    if (relative.comparison.distance > 0.02) return []
    const exactness = exactnessOf(relative.comparison)
    return exactness.whole && exactness.share >= 0.9995 ? [{ relative, exactness }] : []
  })
  const exact = inside.filter(({ relative }) => relative.comparison.whole.b)
  const copy = exact.find(({ exactness }) => exactness.unrounded && exactness.sameTypes)
  if (copy) return copyOf(child, copy.relative, known)
  const cast = exact.find(({ exactness }) => exactness.unrounded) ?? exact[0]
  if (cast) return edgeTo(cast.relative, 'cast')
  // Without layers that are known by name nothing else tells that parts were left out.
  const larger = inside.find(({ relative }) => relative.comparison.matching)
  return larger && edgeTo(larger.relative, 'pruned_layers')
}

/** Copies and casts stand for the model that they are of, unless they are declared. */
function withoutDoubles(related: readonly Relative[], known: Known): Relative[] {
  const ids = new Set(related.map(({ member }) => member.id))
  return related.filter(
    ({ member, isDeclared }) =>
      isDeclared ||
      !known
        .edgesOf(member.id)
        .some(({ relation, parent }) => (relation === 'copy' || relation === 'cast') && ids.has(parent)),
  )
}

const nearestOfMerge = 18
const equalOfMerge = 6

/** The nearest, and those that have most values in common: the base of a merge that drops and scales is far from it. */
function mergeCandidates(related: readonly Relative[]): Relative[] {
  const declared = related.filter(({ isDeclared }) => isDeclared)
  const near = related.filter(({ isDeclared }, at) => !isDeclared && at < nearestOfMerge)
  const rest = related.filter(({ isDeclared }, at) => !isDeclared && at >= nearestOfMerge)
  const equal = rest.sort((a, b) => b.comparison.equal - a.comparison.equal).slice(0, equalOfMerge)
  return [...declared, ...near, ...equal].sort((a, b) => related.indexOf(a) - related.indexOf(b))
}

function mergeOf(child: Member, related: readonly Relative[], known: Known): Edge[] | undefined {
  const flat = flatten(child.sketch, child.sketch)
  if (!flat) return undefined
  const candidates = mergeCandidates(withoutDoubles(related, known)).flatMap(relative => {
    const values = flatten(relative.member.sketch, child.sketch)
    return values ? [{ relative, values }] : []
  })
  const noise = roundingNoise(child.sketch, flat)
  const flats = candidates.map(({ values }) => values)
  const dtype = child.sketch.tensors.find(({ layer }) => layer >= 0)?.dtype ?? 'F32'
  const isDeclared = (place: number) => candidates[place]?.relative.isDeclared === true
  const merge =
    findMix(flat, flats, noise, isDeclared) ??
    findTaskMerge(flat, dtype, flats, isDeclared) ??
    testNamedMerge(flat, dtype, flats, isDeclared)
  return merge?.members.map(place =>
    edgeTo((candidates[place] as (typeof candidates)[0]).relative, `merge_${merge.kind}`),
  )
}

/** Layers of two models, or of one more than once. */
function slicesOf(child: Member, shape: Shape, related: readonly Relative[]): Edge[] | undefined {
  const sources = related
    .filter(({ shape: other }) => other.hidden === shape.hidden)
    .slice(0, nearestOfMerge + equalOfMerge)
    .sort((a, b) => Number(b.isDeclared) - Number(a.isDeclared) || a.order - b.order)
    .map(candidate => ({ candidate, sketch: candidate.member.sketch }))
  const slices = findSlices(child.sketch, sources)
  if (!slices || (slices.sources.length < 2 && !slices.repeats)) return undefined
  return slices.sources.map(source => edgeTo(source, 'merge_passthrough'))
}

/** A card that names a relative is right about it more often than distances that are nearly the same. */
const declaredIsNearer = 0.85

function nearestParent(shape: Shape, related: readonly Relative[]): Relative {
  const adjusted = related
    .map(relative => ({
      relative,
      distance:
        relative.comparison.distance *
        sizePenalty(shape, relative.shape) *
        (relative.isDeclared ? declaredIsNearer : 1),
    }))
    .sort((a, b) => a.distance - b.distance || byTie(a.relative, b.relative))
  return (adjusted[0] as (typeof adjusted)[0]).relative
}

/**
 * The model that has the same values. But who quantises, cuts or rounds a model as another did gets the same values too: where the
 * card does not name that other, it is a child of the same parent.
 */
function copyOf(child: Member, original: Relative, known: Known): Edge {
  const [made] = known.edgesOf(original.member.id)
  const isMadeAgain =
    made &&
    !original.isDeclared &&
    (made.relation === 'quantized' || (repeatable.has(made.relation) && child.declared.includes(made.parent)))
  return isMadeAgain ? made : edgeTo(original, 'copy')
}

const repeatable = new Set<Relation>(['cast', 'sparse', 'pruned_layers', 'pruned_width'])

const trained = new Set<Relation>(['finetune', 'lora_merged'])

/** From the nearest model up, as long as the child is its sibling and not its child. */
function withoutBacktracking(
  shape: Shape,
  nearest: Relative,
  related: readonly Relative[],
  known: Known,
): Relative {
  const byId = new Map(related.map(relative => [relative.member.id, relative]))
  const seen = new Set<Relative>()
  let parent = nearest
  while (!seen.has(parent)) {
    seen.add(parent)
    const { sketch, id } = parent.member
    const above = known
      .edgesOf(id)
      .filter(({ relation }) => trained.has(relation))
      .flatMap(edge => byId.get(edge.parent) ?? [])
      .find(
        grandparent =>
          structureOf(shape, grandparent.shape) === 'same' &&
          isSibling(parent.comparison, grandparent.comparison, compare(sketch, grandparent.member.sketch)),
      )
    if (above) parent = above
  }
  return parent
}

function relationTo(shape: Shape, parent: Relative): Relation {
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
      const change = changeOf(parent.comparison)
      if (isNoise(change)) return 'laundered'
      // What is lined up by values tells nothing of what is not.
      return !parent.comparison.matching && isLowRank(change) ? 'lora_merged' : 'finetune'
    }
  }
}

/** What a child with many zeros is of: the model that has its other values. */
function sparseParent(child: Member, related: readonly Relative[]): Edge | undefined {
  const zeros = zeroShare(child.sketch)
  if (zeros < 0.15) return undefined
  const dense = related.filter(({ member }) => zeroShare(member.sketch) < zeros - 0.1)
  const [nearest] = dense
    .map(relative => ({ relative, kept: keptDistance(relative.comparison) }))
    .sort((a, b) => a.kept - b.kept || byTie(a.relative, b.relative))
  return nearest && nearest.kept < mostKeptDistance ? edgeTo(nearest.relative, 'sparse') : undefined
}

/** What rounding leaves, squared. */
const mostKeptDistance = 2e-4

/** Squared relative distance over the values that are not zero in the child. */
function keptDistance({ tensors }: Comparison): number {
  let [difference, power] = [0, 0]
  for (const { a, b } of tensors) {
    if (a.columns === 1 || a.layer < 0) continue
    const shared = sharedValues(a, b)
    for (const [at, value] of shared.a.entries()) {
      if (value === 0) continue
      difference += (value - (shared.b[at] as number)) ** 2
      power += value * value
    }
  }
  return power > 0 ? difference / power : Number.POSITIVE_INFINITY
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

/** The same relative change in every matrix, of every rank, and none in norms: not what training does. */
function isNoise({ vectorsKept, outerKept, matricesKept, relativeSpread, rank }: Change): boolean {
  return (
    vectorsKept > 0.99 && outerKept < 0.5 && matricesKept < 0.1 && relativeSpread < 0.12 && (rank ?? 1) > 0.7
  )
}

function isLowRank({ vectorsKept, outerKept, rank }: Change): boolean {
  return vectorsKept > 0.99 && outerKept > 0.99 && (rank === undefined || rank < 0.95)
}

function edgeTo({ member, comparison }: Relative, relation: Relation): Edge {
  return { parent: member.id, relation, score: comparison.rho, evidence: evidenceOf(comparison) }
}
