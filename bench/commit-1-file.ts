import { compareCommits } from './kit/commits.ts'
import type { Figure } from './kit/figure.ts'

export const figure: Figure = {
  name: 'commit-1-file',
  question: 'How long does a commit of one file through the API take until it is on disk?',
  unit: 's',
  reference: 'git add && git commit of the same on the same disk, core.fsync=all',
  target: [{ of: 'ratio', atMost: 1 }],
  run: bench => compareCommits(bench, 1, 15),
}
