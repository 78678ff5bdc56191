import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { seconds } from './kit/bench.ts'
import type { Figure } from './kit/figure.ts'
import { newMachine } from './kit/programs.ts'
import { storedRandom } from './kit/stored-file.ts'
import { startForked } from './servers/forked.ts'
import type { StubHubOptions } from './servers/stub-hub.ts'

export const figure: Figure = {
  name: 'hf-download',
  question: 'How long does `hf download` of a stored 1 GiB random file take, by hf_xet?',
  unit: 's',
  reference: 'the same client against a server that makes the bytes up',
  target: [
    { of: 'ratio', atMost: 1.3 },
    { of: 'ours', atMost: 4.4 },
  ],
  async run(bench) {
    const { hub, size } = await bench.shared(storedRandom)
    const options: StubHubOptions = { size }
    const stub = await startForked(bench, './stub-hub.ts', options)
    const download = async (endpoint: string) => {
      const machine = await newMachine(bench, { HF_ENDPOINT: endpoint })
      const target = join(machine.home, 'here')
      const args = ['download', `${hub.owner.name}/stored`, 'model.safetensors', '--local-dir', target]
      const duration = await seconds(() => machine.run('hf', args))
      await rm(machine.home, { recursive: true })
      return duration
    }
    return bench.interleave({
      rounds: 3,
      warmUp: true,
      ours: () => download(hub.url),
      reference: () => download(stub.url),
    })
  },
}
