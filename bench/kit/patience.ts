import { join } from 'node:path'
import type { Hub } from '../../test/hub.ts'
import { type Bench, seconds } from './bench.ts'
import { fillRandom, writeContent } from './contents.ts'
import { median, type Rounds } from './figure.ts'
import { untilJobsAreDone } from './hub-client.ts'
import { putLoad, startLoad } from './load.ts'
import type { Load } from './request-load.ts'
import { fewFiles } from './small-repos.ts'

const connections = 4
const pauseMs = 5
const idleSeconds = 4

type Upload = () => Promise<unknown>

/**
 * Milliseconds within which 99 of 100 small requests are answered while 1 GiB comes in by what `ready` gives, and
 * while nothing does. Four clients ask for a model's information and for the head of a file in turn, and pause for 5 ms in between:
 * they wait for the hub, not for each other.
 */
export async function compareP99(
  bench: Bench,
  ready: (hub: Hub, repo: string, file: string, name: string) => Promise<Upload>,
): Promise<Rounds> {
  const { hub, repo } = await bench.shared(fewFiles)
  const file = join(await bench.folder(), 'upload.safetensors')
  const load: Load = {
    questions: [
      { method: 'HEAD', url: `${hub.url}/${repo}/resolve/main/model.safetensors` },
      { method: 'GET', url: `${hub.url}/api/models/${repo}` },
    ],
    connections,
    pauseMs,
    warmUpSeconds: 0,
    seconds: 600,
  }
  const busyP50: number[] = []
  const idleP50: number[] = []
  const uploads: number[] = []
  let upload: Upload
  const rounds = await bench.interleave({
    rounds: 3,
    warmUp: true,
    async prepare(round) {
      await writeContent(file, bench.size(1024, 64) * 1024 * 1024, fillRandom)
      upload = await ready(hub, repo, file, `upload-${round + 1}.safetensors`)
      await untilJobsAreDone(hub)
    },
    async ours() {
      const asking = startLoad(load)
      uploads.push(await seconds(upload))
      asking.stop()
      const served = await asking.served
      await untilJobsAreDone(hub)
      busyP50.push(served.p50)
      return served.p99
    },
    async reference() {
      const served = await putLoad({ ...load, seconds: bench.size(idleSeconds, 0.5) })
      idleP50.push(served.p50)
      return served.p99
    },
  })
  const digits = (values: readonly number[]) => Number(median(values).toPrecision(3))
  return {
    ...rounds,
    facts: {
      connections,
      pauseMs,
      p50: digits(busyP50),
      p50Idle: digits(idleP50),
      uploadSeconds: digits(uploads),
    },
  }
}
