import { networkOf, RateLimits } from '../server/http/rate-limits.ts'
import type { Figure } from './kit/figure.ts'
import { putLoad } from './kit/load.ts'
import { fewFiles } from './kit/small-repos.ts'

/** As many as are remembered at once. */
const addresses = Array.from({ length: 50_000 }, (_, n) => `198.51.${n >> 8}.${n & 255}`)

export const figure: Figure = {
  name: 'rate-limits',
  question: 'What does counting a request against its share cost?',
  unit: 'µs',
  reference: 'GET /api/models/{id} of a hub that counts nothing, whose 16 clients are on its machine',
  target: [{ of: 'ratio', atMost: 0.01 }],
  async run(bench) {
    const { hub, repo } = await bench.shared(fewFiles)
    const quotas = { windowMs: 300_000, requests: { api: 1e9, resolvers: 1e9, pages: 1e9 } }
    const count = (calls: number) => {
      const limits = new RateLimits(quotas, Date.now)
      for (const address of addresses) limits.count('api', networkOf(address))
      const started = process.cpuUsage()
      for (let n = 0; n < calls; n++) limits.count('api', networkOf(addresses[n % addresses.length]!))
      const { user, system } = process.cpuUsage(started)
      return (user + system) / calls
    }
    return await bench.interleave({
      rounds: 3,
      ours: async () => count(bench.size(2_000_000, 100_000)),
      async reference() {
        const { requestsPerSecond } = await putLoad({
          questions: [{ method: 'GET', url: `${hub.url}/api/models/${repo}` }],
          connections: 16,
          warmUpSeconds: bench.size(1, 0.2),
          seconds: bench.size(3, 1),
        })
        return 1e6 / requestsPerSecond
      },
    })
  },
}
