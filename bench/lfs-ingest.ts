import { createHash } from 'node:crypto'
import { readConfig } from '../server/config.ts'
import { openHub } from '../server/open-hub.ts'
import { megabytesPerSecond, seconds } from './kit/bench.ts'
import { fillRandom } from './kit/contents.ts'
import { type Figure, median } from './kit/figure.ts'

const pieceBytes = 1024 * 1024

export const figure: Figure = {
  name: 'lfs-ingest',
  question:
    'How many MB of new random bytes does one core take in each second: cut into chunks, looked up, stored, sha256 proven?',
  unit: 'MB/s',
  reference: 'sha256 alone of the same bytes',
  target: [{ of: 'ratio', atLeast: 0.35 }],
  async run(bench) {
    const config = readConfig({ data: await bench.folder(), logLevel: 'silent' }, {})
    const hub = await openHub(config)
    bench.defer(() => hub.close())
    const content = new Uint8Array(bench.size(512, 32) * 1024 * 1024)
    const perCoreSecond = async (work: () => Promise<unknown> | unknown) => {
      const before = process.cpuUsage()
      await work()
      const { user, system } = process.cpuUsage(before)
      return megabytesPerSecond(content.length, (user + system) / 1e6)
    }
    const walls: number[] = []
    let sha256 = ''
    const rounds = await bench.interleave({
      rounds: 5,
      warmUp: true,
      async prepare() {
        fillRandom(content)
        sha256 = sha256Of(content)
      },
      ours: () =>
        perCoreSecond(async () => {
          const ingest = () =>
            hub.blobs.ingest('bench', asFromSocket(content), { sha256, size: content.length })
          walls.push(megabytesPerSecond(content.length, await seconds(ingest)))
        }),
      reference: () => perCoreSecond(() => sha256Of(content)),
    })
    return {
      ...rounds,
      facts: {
        way: 'in process, into a hub of its own, without HTTP',
        time: 'processor time of the process, all threads',
        oursByTheClock: `${Math.round(median(walls))} MB/s`,
      },
    }
  },
}

function sha256Of(content: Uint8Array): string {
  const hash = createHash('sha256')
  for (let at = 0; at < content.length; at += pieceBytes) hash.update(content.subarray(at, at + pieceBytes))
  return hash.digest('hex')
}

async function* asFromSocket(content: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < content.length; at += pieceBytes) yield content.subarray(at, at + pieceBytes)
}
