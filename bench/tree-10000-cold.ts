import type { Figure } from './kit/figure.ts'
import { largeTree } from './kit/large-tree.ts'

export const figure: Figure = {
  name: 'tree-10000-cold',
  question: 'How long does a hub that was just started take for the first page of 10,000 files?',
  unit: 's',
  reference: 'git ls-tree -l of the same, its process included',
  target: [{ of: 'ratio', atMost: 2 }],
  async run(bench) {
    const { hub, firstPage, lsTree } = await bench.shared(largeTree)
    return bench.interleave({
      rounds: 5,
      prepare: () => hub.restart(),
      ours: firstPage,
      reference: lsTree,
    })
  },
}
