import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { seconds } from './kit/bench.ts'
import { smallFiles } from './kit/contents.ts'
import type { Figure } from './kit/figure.ts'
import { newMachine } from './kit/programs.ts'
import { thousandFiles } from './kit/small-repos.ts'
import { startForked } from './servers/forked.ts'
import type { StubHubOptions } from './servers/stub-hub.ts'

export const figure: Figure = {
  name: 'client-down-1000-files',
  question: 'How long does `hf download` of a repository with 1,000 small files take?',
  unit: 's',
  reference: 'the same client against a server that has the files in memory',
  target: [
    { of: 'ratio', atMost: 1.3 },
    { of: 'ours', atMost: 5.1 },
  ],
  async run(bench) {
    const { hub, repo } = await bench.shared(thousandFiles)
    const files = smallFiles(bench.size(1000, 100), 'thousand')
    const options: StubHubOptions = { size: 0, files }
    const stub = await startForked(bench, './stub-hub.ts', options)
    const download = async (endpoint: string) => {
      const machine = await newMachine(bench, { HF_ENDPOINT: endpoint })
      const target = join(machine.home, 'here')
      const duration = await seconds(() => machine.run('hf', ['download', repo, '--local-dir', target]))
      const got = (await readdir(target)).filter(name => name.endsWith('.txt')).length
      if (got !== files.length) throw new Error(`${endpoint} gave ${got} files, not ${files.length}`)
      await rm(machine.home, { recursive: true })
      return duration
    }
    return bench.interleave({
      rounds: 5,
      warmUp: true,
      ours: () => download(hub.url),
      reference: () => download(stub.url),
    })
  },
}
