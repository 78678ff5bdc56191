import type { Circuit, Sketch } from '../sketches/index.ts'
import { type Comparison, sharedTokens } from './compare.ts'

/**
 * How far two models are from each other in what permuting and rotating leaves as it is: dot products of tokens, and what layers do to tokens.
 * 0: the same up to a factor for each; 1: nothing in common. Undefined when there is nothing to compare.
 */
export function invariantDistance(a: Sketch, b: Sketch): number | undefined {
  if (!a.gram || !b.gram) return undefined
  const shared = sharedTokens(a.gram, b.gram)
  if (shared.length < 8) return undefined
  const [na, nb] = [a.gram.tokens.length, b.gram.tokens.length]
  const distances = [unlike(a.gram.products, na, b.gram.products, nb, shared)]
  for (const circuit of a.circuits) {
    const other = b.circuits.find(({ kind, layer }) => kind === circuit.kind && layer === circuit.layer)
    if (other) distances.push(unlikeCircuits(circuit, other, shared))
  }
  return distances.reduce((sum, distance) => sum + distance, 0) / distances.length
}

function unlikeCircuits(a: Circuit, b: Circuit, shared: readonly [number, number][]): number {
  const within = shared.filter(([i, j]) => i < a.size && j < b.size)
  return unlike(a.products, a.size, b.products, b.size, within)
}

/** The sine between two matrices as vectors, over the tokens that both have. */
function unlike(
  a: Float32Array,
  na: number,
  b: Float32Array,
  nb: number,
  shared: readonly [number, number][],
): number {
  let [aa, bb, ab] = [0, 0, 0]
  for (const [i, j] of shared) {
    for (const [k, l] of shared) {
      const x = a[i * na + k] as number
      const y = b[j * nb + l] as number
      aa += x * x
      bb += y * y
      ab += x * y
    }
  }
  if (aa === 0 || bb === 0) return aa === bb ? 0 : 1
  return Math.sqrt(Math.max(0, 1 - (ab * ab) / (aa * bb)))
}

/** Tokens stand to each other as in the other model, but matrices do not agree value by value: a permuted or rotated model, or parts of one. */
export function isDisguised(comparison: Comparison, sameWidths: boolean): boolean {
  if ((comparison.gram ?? 0) < 0.8) return false
  if (comparison.likeLayers < 0.5) return true
  const matrices = comparison.tensors.filter(
    ({ a, telling, count }) => a.columns > 1 && telling && count >= 64,
  )
  const apart = matrices.filter(({ correlation }) => Math.abs(correlation) < 0.1).length
  return sameWidths && apart >= 2 && apart >= matrices.length * 0.08
}
