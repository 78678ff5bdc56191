import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { openLocalFile } from '../server/commands/local-file.ts'
import { createReader } from '../server/domains/sketches/index.ts'
import { megabytesPerSecond, seconds } from './kit/bench.ts'
import type { Figure } from './kit/figure.ts'
import { writeModel } from './kit/model-file.ts'
import { StoredModel } from './kit/stored-model.ts'

export const figure: Figure = {
  name: 'sketch-speed',
  question: 'How fast is a model of 1 GiB sketched out of the chunk store?',
  unit: 'MB/s of file',
  reference: 'reading the file from disk and hashing it by sha256',
  target: [{ of: 'ours', atLeast: 1000 }],
  async run(bench) {
    const path = join(await bench.folder(), 'model.safetensors')
    const size = await writeModel(path, bench.size(10, 1))
    const stored = await StoredModel.store(bench, path)
    const reader = createReader()
    bench.defer(() => reader.close())
    let processor = 0
    const rounds = await bench.interleave({
      rounds: 5,
      warmUp: true,
      async ours() {
        const before = process.cpuUsage()
        const took = await seconds(() => reader.read(stored.files))
        const { user, system } = process.cpuUsage(before)
        processor = (user + system) / 1e6
        return megabytesPerSecond(size, took)
      },
      reference: async () => megabytesPerSecond(size, await seconds(() => hashFile(path))),
    })
    return {
      ...rounds,
      facts: {
        sizeMiB: size / 1024 / 1024,
        processorSeconds: processor,
        perCore: megabytesPerSecond(size, processor),
      },
    }
  },
}

async function hashFile(path: string): Promise<void> {
  const file = await openLocalFile(path)
  const hash = createHash('sha256')
  const step = 4 * 1024 * 1024
  try {
    for (let at = 0; at < file.size; at += step)
      hash.update(await file.read(at, Math.min(at + step, file.size)))
  } finally {
    await file.close()
  }
}
