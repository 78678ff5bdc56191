import type { Sketch } from '../sketches/index.ts'

/** Sizes of a model, 0 where it has no such part. */
export interface Shape {
  readonly layers: number
  readonly hidden: number
  readonly vocabulary: number
  readonly ffn: number
  readonly attention: number
}

export function shapeOf({ tensors }: Sketch): Shape {
  const rows = (role: string) => tensors.find(tensor => tensor.role === role && tensor.columns > 1)?.rows ?? 0
  const embed = tensors.find(({ role }) => role === 'embed')
  return {
    layers: 1 + Math.max(-1, ...tensors.map(({ layer }) => layer)),
    hidden: embed?.columns ?? tensors.find(({ role }) => role === 'q')?.columns ?? 0,
    vocabulary: embed?.rows ?? 0,
    ffn: rows('up'),
    attention: rows('q') || rows('qkv'),
  }
}

export type Structure = 'same' | 'fewer-layers' | 'more-layers' | 'narrower' | 'other-vocabulary' | 'other'

/** What was done to a parent's shape to make the child's. */
export function structureOf(child: Shape, parent: Shape): Structure {
  if (child.hidden !== parent.hidden) return 'other'
  if (child.layers < parent.layers) return 'fewer-layers'
  if (child.layers > parent.layers) return 'more-layers'
  if (child.ffn < parent.ffn || child.attention < parent.attention) return 'narrower'
  if (child.ffn !== parent.ffn || child.attention !== parent.attention) return 'other'
  return child.vocabulary === parent.vocabulary ? 'same' : 'other-vocabulary'
}

/** How many of its sizes a child has changed. */
export function changedSizes(child: Shape, parent: Shape): number {
  const sizes = ['layers', 'hidden', 'vocabulary', 'ffn', 'attention'] as const
  return sizes.filter(size => child[size] !== parent[size]).length
}
