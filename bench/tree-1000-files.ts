import type { Figure } from './kit/figure.ts'
import { compareRequests } from './kit/requests.ts'
import { thousandFiles } from './kit/small-repos.ts'

export const figure: Figure = {
  name: 'tree-1000-files',
  question: 'How many listings of a folder with 1,000 files are answered each second?',
  unit: 'requests/s',
  reference: 'a bare Fastify route that answers the same bytes and headers',
  target: [
    { of: 'ratio', atLeast: 0.4 },
    { of: 'ours', atLeast: 360 },
  ],
  async run(bench) {
    const { hub, repo } = await bench.shared(thousandFiles)
    return compareRequests(bench, 'GET', new URL(`/api/models/${repo}/tree/main`, hub.url))
  },
}
