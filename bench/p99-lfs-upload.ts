import { sha256OfFile } from '../test/clients/inputs.ts'
import type { Figure } from './kit/figure.ts'
import { uploadByLfs } from './kit/hub-client.ts'
import { compareP99 } from './kit/patience.ts'

export const figure: Figure = {
  name: 'p99-lfs-upload',
  question:
    'Within which time are 99 of 100 small requests answered while 1 GiB comes in by a plain LFS PUT?',
  unit: 'ms',
  reference: 'the same requests while nothing comes in',
  target: [{ of: 'ratio', atMost: 5 }],
  run: bench =>
    compareP99(bench, async (hub, repo, file, name) => {
      const oid = await sha256OfFile(file)
      return () => uploadByLfs(hub, repo, name, file, oid)
    }),
}
