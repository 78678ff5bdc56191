import { join } from 'node:path'
import { peakDuring, residentMemory } from '../test/process-memory.ts'
import { fillRandom, writeContent } from './kit/contents.ts'
import { fetchByCrowd } from './kit/downloads.ts'
import type { Figure } from './kit/figure.ts'
import { createRepo, untilJobsAreDone, uploadByLfs } from './kit/hub-client.ts'
import { newMachine } from './kit/programs.ts'

export const figure: Figure = {
  name: 'memory-peak',
  question:
    'How much memory does the hub hold at most while 1 GiB comes in by Xet, 1 GiB by LFS, and eight clients fetch one of them?',
  unit: 'MiB',
  reference: 'itself before, just started',
  target: [{ of: 'ours', atMost: 400 }],
  async run(bench) {
    const size = bench.size(1024, 32) * 1024 * 1024
    const file = join(await bench.folder(), 'model.safetensors')
    const hub = await bench.hub()
    const pid = hub.pid()
    const machine = await newMachine(bench, { HF_ENDPOINT: hub.url, HF_TOKEN: hub.token })
    const repo = await createRepo(hub, 'peak')
    const idle = await residentMemory(pid)
    const peak = await peakDuring(pid, async () => {
      await writeContent(file, size, fillRandom)
      await machine.run('hf', ['upload', repo, file, 'by-xet.safetensors'])
      await writeContent(file, size, fillRandom)
      await uploadByLfs(hub, repo, 'by-lfs.safetensors', file)
      await untilJobsAreDone(hub)
      await fetchByCrowd(machine, `${hub.url}/${repo}/resolve/main/by-xet.safetensors`, size)
    })
    return { ours: [peak], reference: [idle] }
  },
}
