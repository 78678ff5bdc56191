import type { Figure } from './kit/figure.ts'
import { fillIndex, percentile } from './kit/place-models.ts'

export const figure: Figure = {
  name: 'place-model-1000000',
  question: 'How long does the slowest of a hundred placements take among a million models?',
  unit: 'ms',
  reference: 'their median, 600 models alone',
  target: [{ of: 'ours', atMost: 300 }],
  async run(bench) {
    const few = await fillIndex(bench, bench.size(600, 50))
    const many = await fillIndex(bench, bench.size(1_000_000, 2000))
    const finds: number[] = []
    const found: number[] = []
    let question = 0
    const slowest = async () => {
      const took: number[] = []
      for (let at = 0; at < bench.size(100, 2); at++) {
        const placed = await many.place(question++)
        took.push(placed.total)
        finds.push(placed.find)
        found.push(placed.found)
      }
      return percentile(took, 0.99)
    }
    const usual = async () => {
      const took: number[] = []
      for (let at = 0; at < bench.size(20, 2); at++) took.push((await few.place(question++)).total)
      return percentile(took, 0.5)
    }
    const rounds = await bench.interleave({ rounds: 1, ours: slowest, reference: usual })
    const recall = await many.recall(bench.size(200, 5))
    return {
      ...rounds,
      facts: {
        models: many.count,
        bytesPerModel: Math.round(many.bytesPerModel),
        fillSeconds: Math.round(many.fillSeconds),
        findP50: percentile(finds, 0.5),
        findP99: percentile(finds, 0.99),
        candidatesP50: percentile(found, 0.5),
        recall: recall.found / recall.related,
        related: recall.related,
      },
    }
  },
}
