import type { Circuit, Sketch } from '../sketches/index.ts'
import { type Comparison, sharedTokens } from './compare.ts'
import type { TensorComparison } from './compare-tensors.ts'

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

/** Tokens stand to each other as in the other model, up to what training changes. */
export const likeTokens = 0.55
/** Tokens and what layers do to them are so alike only in relatives: independent models of one architecture and one text stay above. */
export const likeInvariants = 0.5

/**
 * Whether the values of a model were moved about or scaled so that it computes the same: what stays the same then is much nearer than the
 * values are, or the values of some matrices have nothing in common any more.
 */
export function isDisguised(
  { gram, likeLayers, distance, tensors }: Comparison,
  invariant: number | undefined,
  sameWidths: boolean,
): boolean {
  if ((gram ?? 0) < likeTokens || invariant === undefined || invariant > likeInvariants) return false
  if (likeLayers < 0.5) return true
  // Where neurons were cut, the rest has other places and is no disguise.
  if (!sameWidths) return false
  const matrices = tensors.filter(({ a, telling, count }) => a.columns > 1 && telling && count >= 64)
  // Who trains some layers and leaves the others keeps those as they are; who hides spares none.
  if (distance > 0.1 && invariant < 0.25 * distance && keptShare(matrices) < 0.3) return true
  const apart = matrices.filter(({ correlation }) => Math.abs(correlation) < 0.1).length
  return apart >= 2 && apart >= matrices.length * 0.08
}

/** Of matrices that are the same in both. */
export function keptShare(tensors: readonly TensorComparison[]): number {
  const kept = tensors.filter(({ difference, powerB }) => difference <= 1e-6 * powerB).length
  return tensors.length ? kept / tensors.length : 0
}
