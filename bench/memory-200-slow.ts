import { join } from 'node:path'
import { peakDuring, pidOfHub, residentMemory } from '../test/process-memory.ts'
import { fillRandom, writeContent } from './kit/contents.ts'
import type { Figure } from './kit/figure.ts'
import { createRepo, untilJobsAreDone, uploadByLfs } from './kit/hub-client.ts'
import { downloadSlowly } from './kit/slow-downloads.ts'

const name = 'model.safetensors'

export const figure: Figure = {
  name: 'memory-200-slow',
  question:
    'How much memory does the hub hold at most while 200 clients fetch 1 GiB at 128 KiB a second each?',
  unit: 'MiB',
  reference: 'itself before, just started',
  target: [{ of: 'ours', atMost: 400 }],
  async run(bench) {
    const size = bench.size(1024, 64) * 1024 * 1024
    const file = join(await bench.folder(), name)
    const hub = await bench.hub()
    const repo = await createRepo(hub, figure.name)
    await writeContent(file, size, fillRandom)
    await uploadByLfs(hub, repo, name, file)
    await untilJobsAreDone(hub)
    await hub.restart()

    const pid = await pidOfHub(hub.port)
    const idle = await residentMemory(pid)
    const clients = bench.size(200, 20)
    let bytes = 0
    const peak = await peakDuring(pid, async () => {
      const url = new URL(`/${repo}/resolve/main/${name}`, hub.url)
      bytes = await downloadSlowly(url, { clients, size, seconds: bench.size(30, 2) })
    })
    return { ours: [peak], reference: [idle], facts: { clients, bytesRead: bytes } }
  },
}
