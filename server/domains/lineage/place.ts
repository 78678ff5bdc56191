import type { Sketch } from '../sketches/index.ts'
import { type Comparison, compare } from './compare.ts'
import type { Edge, Evidence, Judgement } from './relations.ts'

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

/** Where a model came from, of those that were here before it. Pure: the same sketches give the same answer. */
export function place(member: Member, known: Known): Placement {
  const related = known.candidates
    .map(candidate => ({ candidate, comparison: compare(member.sketch, candidate.sketch) }))
    .filter(({ comparison }) => comparison.likeLayers >= 0.5 || (comparison.gram ?? 0) >= 0.6)
    .sort((a, b) => a.comparison.distance - b.comparison.distance)
  const [nearest] = related
  return {
    edges: nearest ? [edgeTo(nearest.candidate, nearest.comparison)] : [],
    related: related.map(({ candidate }) => candidate.id),
    judgements: new Map(),
  }
}

function edgeTo(parent: Member, comparison: Comparison): Edge {
  return { parent: parent.id, relation: 'finetune', score: comparison.rho, evidence: evidenceOf(comparison) }
}

function evidenceOf({ distance, rho, tensors }: Comparison): Evidence {
  const like = tensors.filter(({ correlation }) => correlation >= 0.12).length
  return {
    measures: [
      { measure: 'correlation', value: rho, threshold: 0.12 },
      { measure: 'distance', value: distance },
    ],
    agree: like,
    disagree: tensors.length - like,
    components: {},
  }
}
