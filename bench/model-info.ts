import type { Figure } from './kit/figure.ts'
import { compareRequests } from './kit/requests.ts'
import { fewFiles } from './kit/small-repos.ts'

export const figure: Figure = {
  name: 'model-info',
  question: 'How many GET requests for the facts about a model are answered each second?',
  unit: 'requests/s',
  reference: 'a bare Fastify route that answers the same bytes and headers',
  target: [
    { of: 'ratio', atLeast: 0.4 },
    { of: 'ours', atLeast: 3183 },
  ],
  async run(bench) {
    const { hub, repo } = await bench.shared(fewFiles)
    return compareRequests(bench, 'GET', new URL(`/api/models/${repo}`, hub.url))
  },
}
