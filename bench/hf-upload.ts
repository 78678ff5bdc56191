import { join } from 'node:path'
import { fillRandom, writeContent } from './kit/contents.ts'
import type { Figure } from './kit/figure.ts'
import { untilJobsAreDone } from './kit/hub-client.ts'
import { uploadByHf } from './kit/uploads.ts'
import { startForked } from './servers/forked.ts'
import type { StubHubOptions } from './servers/stub-hub.ts'

const name = 'model.safetensors'

export const figure: Figure = {
  name: 'hf-upload',
  question: 'How long does `hf upload` of a new 1 GiB random file take?',
  unit: 's',
  reference: 'the same client against a server that throws the bytes away',
  target: [
    { of: 'ratio', atMost: 1.3 },
    { of: 'ours', atMost: 4.4 },
  ],
  async run(bench) {
    const size = bench.size(1024, 32) * 1024 * 1024
    const file = join(await bench.folder(), name)
    const hub = await bench.sharedHub()
    const options: StubHubOptions = { size }
    const stub = await startForked(bench, './stub-hub.ts', options)
    return bench.interleave({
      rounds: 3,
      async prepare() {
        await untilJobsAreDone(hub)
        await writeContent(file, size, fillRandom)
      },
      ours: round => uploadByHf(bench, hub.url, hub.token, `${hub.owner.name}/up-${round + 1}`, file, name),
      reference: round =>
        uploadByHf(bench, stub.url, hub.token, `${hub.owner.name}/up-${round + 1}`, file, name),
    })
  },
}
