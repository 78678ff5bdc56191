import { compareOneClient } from './kit/downloads.ts'
import type { Figure } from './kit/figure.ts'
import { storedWeights } from './kit/stored-file.ts'

export const figure: Figure = {
  name: 'get-weights-1-client',
  question: 'How fast does one client get 1 GiB of bf16 weights, stored compressed, over plain HTTP?',
  unit: 'MB/s',
  reference: 'nginx with sendfile, the same bytes as one file',
  target: [{ of: 'ratio', atLeast: 0.3 }],
  run: async bench => compareOneClient(bench, await bench.shared(storedWeights)),
}
