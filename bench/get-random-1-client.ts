import { compareOneClient } from './kit/downloads.ts'
import type { Figure } from './kit/figure.ts'
import { storedRandom } from './kit/stored-file.ts'

export const figure: Figure = {
  name: 'get-random-1-client',
  question: 'How fast does one client get a stored 1 GiB file of random bytes over plain HTTP?',
  unit: 'MB/s',
  reference: 'nginx with sendfile, the same bytes as one file',
  target: [{ of: 'ratio', atLeast: 0.6 }],
  run: async bench => compareOneClient(bench, await bench.shared(storedRandom)),
}
