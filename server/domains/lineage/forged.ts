import type { Sketch } from '../sketches/index.ts'
import type { Comparison } from './compare.ts'
import { invariantDistance, likeInvariants } from './disguise.ts'

/** Squared relative distance up to which values are taken for the candidate's own. */
const sameValues = 0.01

/**
 * Whether a child has a candidate's values at the places that sketches look at, which everybody may know, and others elsewhere: what its layers do to tokens,
 * for which all of their values are read, then has nothing in common with what the candidate's do. Asked only where nothing was cut, moved or left out.
 */
export function isForged(child: Sketch, candidate: Sketch, { tensors, layerMap }: Comparison): boolean {
  const isWhole = tensors.length === child.tensors.length && tensors.length === candidate.tensors.length
  const isStraight = layerMap.every((to, from) => to === from)
  if (!isWhole || !isStraight || tensors.some(({ a, b }) => a.rows !== b.rows)) return false
  // Vectors apart: some formats store the gain of a norm, others the gain less 1.
  const groups = [
    tensors.filter(({ a }) => a.columns === 1),
    tensors.filter(({ role }) => role === 'embed'),
    tensors.filter(({ a }) => a.columns > 1),
  ]
  for (const group of groups) {
    const difference = group.reduce((sum, tensor) => sum + tensor.difference, 0)
    const power = group.reduce((sum, tensor) => sum + tensor.powerB, 0)
    if (difference > sameValues * power) return false
  }
  return (invariantDistance(child, candidate) ?? 0) > likeInvariants
}
