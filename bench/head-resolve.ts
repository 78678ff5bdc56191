import type { Figure } from './kit/figure.ts'
import { compareRequests } from './kit/requests.ts'
import { fewFiles } from './kit/small-repos.ts'

export const figure: Figure = {
  name: 'head-resolve',
  question: 'How many HEAD requests for a large file are answered each second?',
  unit: 'requests/s',
  reference: 'a bare Fastify route that answers the same bytes and headers',
  target: [
    { of: 'ratio', atLeast: 0.4 },
    { of: 'ours', atLeast: 7215 },
  ],
  async run(bench) {
    const { hub, repo } = await bench.shared(fewFiles)
    return compareRequests(bench, 'HEAD', new URL(`/${repo}/resolve/main/model.safetensors`, hub.url))
  },
}
