import { peakDuring } from '../test/process-memory.ts'
import type { Figure } from './kit/figure.ts'
import { downloadSlowly } from './kit/slow-downloads.ts'
import { storedForMemory } from './kit/stored-file.ts'

export const figure: Figure = {
  name: 'memory-200-slow',
  question:
    'How much memory does the hub hold at most while 200 clients fetch 1 GiB at 128 KiB a second each?',
  unit: 'MiB',
  reference: 'itself before, just started',
  target: [{ of: 'ours', atMost: 400 }],
  async run(bench) {
    const size = bench.size(1024, 64) * 1024 * 1024
    const { hub, repo, name, pid, idle } = await storedForMemory(bench, size)
    const clients = bench.size(200, 20)
    let bytes = 0
    const peak = await peakDuring(pid, async () => {
      const url = new URL(`/${repo}/resolve/main/${name}`, hub.url)
      bytes = await downloadSlowly(url, { clients, size, seconds: bench.size(30, 2) })
    })
    return { ours: [peak], reference: [idle], facts: { clients, bytesRead: bytes } }
  },
}
