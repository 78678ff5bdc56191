import type { Figure } from './kit/figure.ts'
import { compareP99 } from './kit/patience.ts'
import { uploadByHf } from './kit/uploads.ts'

export const figure: Figure = {
  name: 'p99-hf-upload',
  question:
    'Within which time are 99 of 100 small requests answered while `hf upload` sends 1 GiB by hf_xet?',
  unit: 'ms',
  reference: 'the same requests while nothing comes in',
  target: [{ of: 'ratio', atMost: 5 }],
  run: bench =>
    compareP99(
      bench,
      async (hub, repo, file, name) => () => uploadByHf(bench, hub.url, hub.token, repo, file, name),
    ),
}
