import type { Comparison } from './compare.ts'

/**
 * Whether a child that is nearest to `p` has not come from `p` but, as `p` itself, from p's parent `g`. Whoever goes on from p keeps what p had
 * changed; a sibling undoes it: seen from g, what leads from p to the child points back. The cosine between both steps follows from three distances.
 */
export function isSibling(childToP: Comparison, childToG: Comparison, pToG: Comparison): boolean {
  const [near, far, step] = [childToP, childToG, pToG].map(stepsOf) as [Steps, Steps, Steps]
  const all = cosine(near.all, far.all, step.all)
  const embeddings = cosine(near.embeddings, far.embeddings, step.embeddings)
  const isNoNearer = near.all > 0.86 * far.all
  return all < -0.3 || embeddings < -0.5 || (isNoNearer && all < -0.15)
}

/** Squared lengths. */
interface Steps {
  readonly all: number
  readonly embeddings: number
}

function stepsOf({ tensors }: Comparison): Steps {
  let [all, embeddings] = [0, 0]
  for (const { a, difference } of tensors) {
    if (a.columns === 1) continue
    all += difference
    if (a.layer < 0) embeddings += difference
  }
  return { all, embeddings }
}

/** Between p - g and child - p; 0 where one of them is nothing. */
function cosine(near: number, far: number, step: number): number {
  return near > 1e-12 && step > 1e-12 ? (far - step - near) / (2 * Math.sqrt(near * step)) : 0
}
