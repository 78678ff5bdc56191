import { join } from 'node:path'
import { peakDuring } from '../test/process-memory.ts'
import { fetchWhole } from './kit/downloads.ts'
import type { Figure } from './kit/figure.ts'
import { newMachine } from './kit/programs.ts'
import { storedForMemory } from './kit/stored-file.ts'

export const figure: Figure = {
  name: 'memory-4gib-down',
  question: 'How much memory does the hub hold at most while 4 GiB go out, by plain HTTP and by hf_xet?',
  unit: 'MiB',
  reference: 'itself before, just started',
  target: [{ of: 'ours', atMost: 400 }],
  async run(bench) {
    const size = bench.size(4096, 64) * 1024 * 1024
    const { hub, repo, name, pid, idle } = await storedForMemory(bench, size)
    const machine = await newMachine(bench, { HF_ENDPOINT: hub.url })
    const byHttp = await peakDuring(pid, () =>
      fetchWhole(machine, `${hub.url}/${repo}/resolve/main/${name}`, size),
    )
    const target = join(machine.home, 'here')
    const byHf = await peakDuring(pid, () =>
      machine.run('hf', ['download', repo, name, '--local-dir', target]),
    )
    return {
      ours: [Math.max(byHttp, byHf)],
      reference: [idle],
      facts: { byHttpMiB: Math.round(byHttp), byHfMiB: Math.round(byHf) },
    }
  },
}
