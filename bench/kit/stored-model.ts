import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { pino } from 'pino'
import { readConfig } from '../../server/config.ts'
import type { ModelFiles } from '../../server/domains/weights/index.ts'
import { sourceOf } from '../../server/formats/byte-source.ts'
import { openHub } from '../../server/open-hub.ts'
import type { Bench } from './bench.ts'
import { modelConfig } from './model-file.ts'

/** A file of `writeModel` in the chunk store of a hub of its own, in this process. */
export class StoredModel {
  readonly files: ModelFiles

  private constructor(files: ModelFiles) {
    this.files = files
  }

  static async store(bench: Bench, path: string): Promise<StoredModel> {
    const settings = readConfig({ data: await bench.folder(), logLevel: 'silent' }, {})
    const hub = await openHub(settings, pino({ level: 'silent' }))
    bench.defer(() => hub.close())
    const { size } = await stat(path)
    const hash = createHash('sha256')
    for await (const piece of createReadStream(path)) hash.update(piece as Buffer)
    const sha256 = hash.digest('hex')
    const file = await hub.blobs.ingest('bench', createReadStream(path), { sha256, size })
    const source = {
      size,
      async read(start: number, end: number) {
        const bytes = new Uint8Array(end - start)
        let at = 0
        for await (const piece of hub.blobs.read(file, { start, end })) {
          bytes.set(piece, at)
          at += piece.length
        }
        return bytes
      },
    }
    const config = sourceOf(Buffer.from(JSON.stringify(modelConfig)))
    const weights = { path: 'model.safetensors', size }
    return new StoredModel({
      list: () => [weights, { path: 'config.json', size: config.size }],
      open: async name => (name === 'config.json' ? config : source),
    })
  }
}
