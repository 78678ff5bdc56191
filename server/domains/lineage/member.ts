import type { Sketch } from '../sketches/index.ts'
import type { Edge, Judgement } from './relations.ts'

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
