import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { smallFiles } from './kit/contents.ts'
import type { Figure } from './kit/figure.ts'
import { writeFiles } from './kit/git-repository.ts'
import { untilJobsAreDone } from './kit/hub-client.ts'
import { uploadByHf } from './kit/uploads.ts'
import { startForked } from './servers/forked.ts'
import type { StubHubOptions } from './servers/stub-hub.ts'

export const figure: Figure = {
  name: 'client-up-1000-files',
  question: 'How long does `hf upload` of a folder with 1,000 small files take?',
  unit: 's',
  reference: 'the same client against a server that throws the bytes away',
  target: [
    { of: 'ratio', atMost: 1.3 },
    { of: 'ours', atMost: 4.7 },
  ],
  async run(bench) {
    const hub = await bench.sharedHub()
    const folder = join(await bench.folder(), 'files')
    const options: StubHubOptions = { size: 0 }
    const stub = await startForked(bench, './stub-hub.ts', options)
    const upload = (endpoint: string, round: number) =>
      uploadByHf(bench, endpoint, hub.token, `${hub.owner.name}/files-${round + 1}`, folder, '.')
    return bench.interleave({
      rounds: 5,
      warmUp: true,
      async prepare(round) {
        await untilJobsAreDone(hub)
        await rm(folder, { recursive: true, force: true })
        await writeFiles(folder, smallFiles(bench.size(1000, 50), `round ${round}`))
      },
      ours: round => upload(hub.url, round),
      reference: round => upload(stub.url, round),
    })
  },
}
