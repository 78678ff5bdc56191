import { join } from 'node:path'
import { countBytes } from '../test/clients/byte-counter.ts'
import { fillRandom, writeContent } from './kit/contents.ts'
import type { Figure } from './kit/figure.ts'
import { createRepo, untilJobsAreDone } from './kit/hub-client.ts'
import { uploadByHf } from './kit/uploads.ts'

export const figure: Figure = {
  name: 'hf-upload-again-bytes',
  question: 'How many bytes does `hf upload` send and get for a known 1 GiB file, from another machine?',
  unit: 'MB',
  reference: 'its first upload',
  target: [{ of: 'ratio', atMost: 0.005 }],
  async run(bench) {
    const size = bench.size(1024, 32) * 1024 * 1024
    const file = join(await bench.folder(), 'model.safetensors')
    const hub = await bench.sharedHub()
    const wire = await countBytes(hub.port)
    bench.defer(() => wire.close())
    const repo = await createRepo(hub, figure.name)
    const bytesOf = async (path: string) => {
      wire.reset()
      await uploadByHf(bench, wire.url, hub.token, repo, file, path)
      return (wire.sent + wire.received) / 1e6
    }
    await writeContent(file, size, fillRandom)
    const first = await bytesOf('first.safetensors')
    await untilJobsAreDone(hub)
    const again = await bytesOf('again.safetensors')
    return { ours: [again], reference: [first] }
  },
}
