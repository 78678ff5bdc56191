import { startForked } from '../servers/forked.ts'
import type { Bench } from './bench.ts'
import { recordAnswer } from './canned-answer.ts'
import type { Rounds } from './figure.ts'
import { putLoad } from './load.ts'
import type { Served } from './request-load.ts'

const connections = 16

/** Requests a second that the hub answers, against a bare Fastify that answers the same bytes and headers. */
export async function compareRequests(bench: Bench, method: 'GET' | 'HEAD', url: URL): Promise<Rounds> {
  const answer = await recordAnswer(method, url)
  const bare = await startForked(bench, './bare-fastify.ts', [answer])
  const measure = (target: string) =>
    putLoad({
      questions: [{ method, url: target }],
      connections,
      warmUpSeconds: bench.size(1, 0.2),
      seconds: bench.size(3, 1),
    })
  let last: Served | undefined
  const rounds = await bench.interleave({
    rounds: 3,
    async ours() {
      last = await measure(url.href)
      return last.requestsPerSecond
    },
    reference: async () => (await measure(bare.url + answer.path)).requestsPerSecond,
  })
  return {
    ...rounds,
    facts: {
      connections,
      bodyBytes: answer.body.length,
      lastRoundP50Ms: Number(last?.p50.toPrecision(3)),
      lastRoundP99Ms: Number(last?.p99.toPrecision(3)),
    },
  }
}
