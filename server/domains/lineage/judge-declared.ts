import type { Placement } from './member.ts'
import { type DeclaredRow, judged } from './store.ts'

/** What is said of each base that a model declares: what the weights say, where there are any to compare. */
export function judgeDeclared(
  declared: readonly DeclaredRow[],
  { judgements }: Placement,
  hasSketch: (id: string) => boolean,
): DeclaredRow[] {
  return declared.map(row => {
    const { base_id: id } = row
    if (id === null) return judged(row, { verdict: 'unverifiable', reason: 'not-here' })
    const judgement = hasSketch(id) ? judgements.get(id) : undefined
    return judged(row, judgement ?? { verdict: 'unverifiable', reason: 'no-weights' })
  })
}
