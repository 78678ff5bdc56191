import type { Figure } from './kit/figure.ts'
import { compareHubs } from './kit/many-and-few.ts'

export const figure: Figure = {
  name: 'model-info-100000-repos',
  question: 'How long does a busy hub with 100,000 repositories take for the information on one?',
  unit: 'ms',
  reference: 'itself with 100 repositories; 100 are asked in both',
  target: [{ of: 'ratio', atMost: 1.3 }],
  run: bench =>
    compareHubs(bench, ({ hub, asked }) =>
      asked.map(repo => ({ method: 'GET', url: `${hub.url}/api/models/${repo}` })),
    ),
}
