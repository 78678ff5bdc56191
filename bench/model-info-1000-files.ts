import type { Figure } from './kit/figure.ts'
import { compareRequests } from './kit/requests.ts'
import { thousandFiles } from './kit/small-repos.ts'

export const figure: Figure = {
  name: 'model-info-1000-files',
  question: 'The same where the model has 1,000 files: how many each second?',
  unit: 'requests/s',
  reference: 'a bare Fastify route that answers the same bytes and headers',
  target: [
    { of: 'ratio', atLeast: 0.4 },
    { of: 'ours', atLeast: 450 },
  ],
  async run(bench) {
    const { hub, repo } = await bench.shared(thousandFiles)
    return compareRequests(bench, 'GET', new URL(`/api/models/${repo}`, hub.url))
  },
}
