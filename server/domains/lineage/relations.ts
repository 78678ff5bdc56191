/** How a model came from another. */
export const relations = [
  'copy',
  'cast',
  'quantized',
  'finetune',
  'lora_merged',
  'adapter',
  'merge_linear',
  'merge_slerp',
  'merge_ties',
  'merge_dare',
  'merge_passthrough',
  'pruned_layers',
  'pruned_width',
  'sparse',
  'vocab_resized',
  'laundered',
] as const
export type Relation = (typeof relations)[number]

/** A measurement that an edge or a verdict stands on. */
export interface Measure {
  /** `distance`, `correlation`, `equal`, `gram` … */
  readonly measure: string
  readonly value: number
  /** What the value was held against. */
  readonly threshold?: number
}

export interface Evidence {
  readonly measures: readonly Measure[]
  /** Tensors that are alike, and that are not. */
  readonly agree: number
  readonly disagree: number
  /** Correlation of each component that both have: `embeddings attention mlp head`. */
  readonly components: Readonly<Record<string, number>>
}

export interface Edge {
  /** The parent's id. */
  readonly parent: string
  readonly relation: Relation
  /** How sure, from 0 to 1. */
  readonly score: number
  readonly evidence: Evidence
}

/** What the weights say of a declared base. */
type Verdict = 'confirmed' | 'relative' | 'partial' | 'refuted' | 'unverifiable'

export interface Judgement {
  readonly verdict: Verdict
  /** Why, in a word that pages translate: `parent ancestor nearer-relative embeddings-only unrelated no-weights other-shape adapter-only not-here`. */
  readonly reason: string
  /** Of `relative`: the nearest member that is here. */
  readonly nearest?: string
  readonly evidence?: Evidence
}
