import { storedForCopy } from './kit/changed-copy.ts'
import type { Figure } from './kit/figure.ts'
import { uploadByHf } from './kit/uploads.ts'

export const figure: Figure = {
  name: 'changed-copy-hf',
  question:
    'How much more does the hub store for a copy of a 1 GiB file with 1 MB changed, uploaded by `hf upload`?',
  unit: 'MiB',
  reference: 'what the original took',
  target: [{ of: 'ratio', atMost: 0.01 }],
  run: bench =>
    storedForCopy(bench, (hub, repo, file, name) => uploadByHf(bench, hub.url, hub.token, repo, file, name)),
}
