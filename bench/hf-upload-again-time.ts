import { join } from 'node:path'
import { fillRandom, writeContent } from './kit/contents.ts'
import type { Figure } from './kit/figure.ts'
import { createRepo, untilJobsAreDone } from './kit/hub-client.ts'
import { uploadByHf } from './kit/uploads.ts'

export const figure: Figure = {
  name: 'hf-upload-again-time',
  question: 'How long does `hf upload` of a known 1 GiB file take, under another name, from another machine?',
  unit: 's',
  reference: 'its first upload',
  target: [{ of: 'ratio', atMost: 0.2 }],
  async run(bench) {
    const size = bench.size(1024, 32) * 1024 * 1024
    const file = join(await bench.folder(), 'model.safetensors')
    const hub = await bench.sharedHub()
    const repo = await createRepo(hub, figure.name)
    const rounds = bench.size(3, 1)
    const ours: number[] = []
    const reference: number[] = []
    // Not interleaved either way: the first upload comes first.
    for (let round = 0; round < rounds; round++) {
      await writeContent(file, size, fillRandom)
      reference.push(await uploadByHf(bench, hub.url, hub.token, repo, file, `first-${round}.safetensors`))
      await untilJobsAreDone(hub)
      ours.push(await uploadByHf(bench, hub.url, hub.token, repo, file, `again-${round}.safetensors`))
      await untilJobsAreDone(hub)
      bench.say(`round ${round + 1}/${rounds}: again ${ours.at(-1)}, first ${reference.at(-1)}`)
    }
    return { ours, reference }
  },
}
