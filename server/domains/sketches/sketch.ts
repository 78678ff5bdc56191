/**
 * The sketch of a model: what lineage compares instead of the weights. Made once for each distinct content, never read back from the model.
 * Sampled values are kept as they are, so whatever is true of values (equal, rounded, zero, in one ratio, of low rank) can be asked of a sketch.
 */
export interface Sketch {
  readonly version: typeof sketchVersion
  readonly format: string
  /** How many values the model has. */
  readonly parameters: number
  readonly heads: number
  readonly kvHeads: number
  /** Of the vocabulary, when it is known. */
  readonly tokenizerHash?: string | undefined
  readonly tensors: readonly TensorSketch[]
  readonly gram?: Gram | undefined
  readonly circuits: readonly Circuit[]
}

export const sketchVersion = 1

/** How many layers there are, with those that are missing between others. */
export function depthOf(tensors: readonly { readonly layer: number }[]): number {
  return tensors.reduce((depth, { layer }) => Math.max(depth, layer + 1), 0)
}

/** Values of one tensor at `sampleAxis(rows, height)` × `sampleAxis(columns, width)`, row-major. */
export interface TensorSketch {
  readonly role: string
  readonly layer: number
  readonly rows: number
  readonly columns: number
  readonly dtype: string
  readonly quantized: boolean
  readonly height: number
  readonly width: number
  readonly values: Float32Array
}

/**
 * Dot products of the input embeddings of sampled tokens (those whose strings have the smallest hashes): they stay what they are when the hidden
 * axis is permuted or rotated. `tokens` are the hashes, ascending; `products` is tokens × tokens.
 */
export interface Gram {
  readonly basis: 'strings' | 'ids'
  readonly tokens: Uint32Array
  readonly products: Float32Array
}

/**
 * What a part of a layer does to the sampled tokens (the first `size` of the gram's, each of length 1), as a size × size matrix: stays what it is when
 * heads, neurons or the hidden axis are permuted or rotated, and up to a factor when they are scaled. With x and y tokens, g the gain of the norm:
 *
 * - `qk`: Σ over heads q(g∘x) · k(g∘y)
 * - `ov`: x · o(v(g∘y))
 * - `gate`: gate(g∘x) · gate(g∘y), or of `up` where there is no gate
 * - `mlp`: x · down(up(g∘y))
 */
export interface Circuit {
  readonly kind: CircuitKind
  readonly layer: number
  readonly size: number
  readonly products: Float32Array
}

export type CircuitKind = 'qk' | 'ov' | 'gate' | 'mlp'
