import type { Figure } from './kit/figure.ts'
import { median } from './kit/figure.ts'
import { largeTree } from './kit/large-tree.ts'

const asked = 30

export const figure: Figure = {
  name: 'tree-10000-warm',
  question: 'How long does a hub at work take for the first page of 10,000 files?',
  unit: 's',
  reference: 'git ls-tree -l of the same, its process included',
  target: [{ of: 'ratio', atMost: 0.2 }],
  async run(bench) {
    const { firstPage, lsTree } = await bench.shared(largeTree)
    const medianOf = async (measure: () => Promise<number>) => {
      const times: number[] = []
      for (let i = 0; i < asked; i++) times.push(await measure())
      return median(times)
    }
    return bench.interleave({
      rounds: 3,
      warmUp: true,
      ours: () => medianOf(firstPage),
      reference: () => medianOf(lsTree),
    })
  },
}
