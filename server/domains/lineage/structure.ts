import { depthOf, type Sketch } from '../sketches/index.ts'

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
    layers: depthOf(tensors),
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

/** By how much a distance counts more where sizes differ: a child mostly has its parent's, and one that was cut has its parent's values. */
export function sizePenalty(child: Shape, parent: Shape): number {
  let penalty = 1
  for (const size of ['layers', 'hidden', 'ffn', 'attention'] as const)
    if (child[size] !== parent[size]) penalty *= 2
  return child.vocabulary === parent.vocabulary ? penalty : penalty * 1.4
}

export function isAdapter({ tensors }: Sketch): boolean {
  return tensors.some(({ role }) => role.endsWith('.lora_A'))
}
