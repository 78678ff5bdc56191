import { setTimeout as sleep } from 'node:timers/promises'
import { residentMemory } from '../test/process-memory.ts'
import type { Figure } from './kit/figure.ts'
import { startForked } from './servers/forked.ts'

const settleMs = 2000

export const figure: Figure = {
  name: 'memory-idle',
  question: 'How much memory does a hub hold that was just started and does nothing?',
  unit: 'MiB',
  reference: 'a process with Fastify and one route',
  target: [],
  async run(bench) {
    const hub = await bench.hub()
    const bare = await startForked(bench, './bare-fastify.ts', [
      { method: 'GET', path: '/', status: 200, headers: {}, body: Buffer.from('{}') },
    ])
    return bench.interleave({
      rounds: 3,
      async prepare() {
        await hub.restart()
        await sleep(settleMs)
      },
      ours: async () => residentMemory(hub.pid()),
      reference: () => residentMemory(bare.pid),
    })
  },
}
