import { type Comparison, likeCorrelation } from './compare.ts'
import { likeTokens } from './disguise.ts'
import type { Evidence } from './relations.ts'

/** What a comparison says, in numbers that can be shown. */
export function evidenceOf({ distance, rho, gram, equal, tensors, matching }: Comparison): Evidence {
  const told = tensors.filter(({ telling }) => telling)
  const agree = told.filter(({ correlation }) => correlation >= likeCorrelation).length
  const components: Record<string, number> = {}
  for (const [component, roles] of Object.entries(componentRoles)) {
    const parts = told.filter(({ role, a }) => a.columns > 1 && roles.includes(role))
    const count = parts.reduce((sum, part) => sum + part.count, 0)
    if (count >= fewestValues)
      components[component] = parts.reduce((sum, part) => sum + part.correlation * part.count, 0) / count
  }
  return {
    measures: [
      { measure: 'correlation', value: rho, threshold: likeCorrelation },
      ...(gram === undefined ? [] : [{ measure: 'token-geometry', value: gram, threshold: likeTokens }]),
      ...(Number.isFinite(distance) ? [{ measure: 'distance', value: distance }] : []),
      { measure: 'equal', value: equal },
    ],
    agree,
    disagree: told.length - agree + (matching?.unlike.length ?? 0),
    components,
  }
}

const componentRoles = {
  embeddings: ['embed', 'position'],
  attention: ['q', 'k', 'v', 'o', 'qkv'],
  mlp: ['gate', 'up', 'down', 'gate_up'],
  head: ['head'],
}
const fewestValues = 500
