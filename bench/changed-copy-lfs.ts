import { storedForCopy } from './kit/changed-copy.ts'
import type { Figure } from './kit/figure.ts'
import { uploadByLfs } from './kit/hub-client.ts'

export const figure: Figure = {
  name: 'changed-copy-lfs',
  question:
    'How much more does the hub store for a copy of a 1 GiB file with 1 MB changed, uploaded by a plain LFS PUT?',
  unit: 'MiB',
  reference: 'what the original took',
  target: [{ of: 'ratio', atMost: 0.01 }],
  run: bench => storedForCopy(bench, (hub, repo, file, name) => uploadByLfs(hub, repo, name, file)),
}
