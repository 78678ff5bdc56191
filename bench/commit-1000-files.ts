import { compareCommits } from './kit/commits.ts'
import type { Figure } from './kit/figure.ts'

export const figure: Figure = {
  name: 'commit-1000-files',
  question: 'How long does a commit of 1,000 files through the API take until it is on disk?',
  unit: 's',
  reference: 'git add && git commit of the same on the same disk, core.fsync=all',
  target: [
    { of: 'ratio', atMost: 1 },
    { of: 'ours', atMost: 0.47 },
  ],
  run: bench => compareCommits(bench, bench.size(1000, 100), 5),
}
