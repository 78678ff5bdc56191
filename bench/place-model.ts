import type { Figure } from './kit/figure.ts'
import { fillIndex, percentile } from './kit/place-models.ts'

export const figure: Figure = {
  name: 'place-model',
  question: 'How long does it take to place a new model among 600?',
  unit: 'ms',
  reference: 'comparing it with each of the 600',
  target: [
    { of: 'ours', atMost: 50 },
    { of: 'ratio', atMost: 1 },
  ],
  async run(bench) {
    const filled = await fillIndex(bench, bench.size(600, 50))
    const took: number[] = []
    let question = 0
    const rounds = await bench.interleave({
      rounds: bench.size(40, 2),
      warmUp: true,
      async ours() {
        const { total } = await filled.place(question++)
        took.push(total)
        return total
      },
      reference: () => filled.placeByForce(question),
    })
    const { found, related } = await filled.recall(bench.size(500, 5))
    return {
      ...rounds,
      facts: { models: filled.count, p99: percentile(took, 0.99), recall: found / related, related },
    }
  },
}
