import { join } from 'node:path'
import { peakDuring, residentMemory } from '../test/process-memory.ts'
import { fillRandom, writeContent } from './kit/contents.ts'
import type { Figure } from './kit/figure.ts'
import { createRepo, untilJobsAreDone, uploadByLfs } from './kit/hub-client.ts'
import { uploadByHf } from './kit/uploads.ts'

export const figure: Figure = {
  name: 'memory-4gib-up',
  question:
    'How much memory does the hub hold at most while 4 GiB come in, by a plain LFS PUT and by hf_xet?',
  unit: 'MiB',
  reference: 'itself before, just started',
  target: [{ of: 'ours', atMost: 400 }],
  async run(bench) {
    const file = join(await bench.folder(), 'model.safetensors')
    const hub = await bench.hub()
    const pid = hub.pid()
    const repo = await createRepo(hub, figure.name)
    const idle = await residentMemory(pid)
    const upload = async (send: () => Promise<unknown>) => {
      await writeContent(file, bench.size(4096, 64) * 1024 * 1024, fillRandom)
      return peakDuring(pid, async () => {
        await send()
        await untilJobsAreDone(hub)
      })
    }
    const byLfs = await upload(() => uploadByLfs(hub, repo, 'by-lfs.safetensors', file))
    const byHf = await upload(() => uploadByHf(bench, hub.url, hub.token, repo, file, 'by-hf.safetensors'))
    return {
      ours: [Math.max(byLfs, byHf)],
      reference: [idle],
      facts: { byLfsMiB: Math.round(byLfs), byHfMiB: Math.round(byHf) },
    }
  },
}
