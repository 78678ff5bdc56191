import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { sha256OfFile } from '../test/clients/inputs.ts'
import { seconds } from './kit/bench.ts'
import { fillRandom, smallFiles, writeContent } from './kit/contents.ts'
import type { Figure } from './kit/figure.ts'
import {
  commitBody,
  createRepo,
  fileLine,
  postCommit,
  untilJobsAreDone,
  uploadByLfs,
} from './kit/hub-client.ts'
import { newMachine } from './kit/programs.ts'
import { startForked } from './servers/forked.ts'
import type { GitHttpOptions } from './servers/git-http.ts'

export const figure: Figure = {
  name: 'git-clone',
  question: 'How long does git clone take for 1,000 small files and 500 MB in LFS?',
  unit: 's',
  reference: 'the same client from git http-backend and a server of plain files',
  target: [{ of: 'ratio', atMost: 1.2 }],
  async run(bench) {
    const hub = await bench.sharedHub()
    const machine = await newMachine(bench)
    const folder = await bench.folder()
    const repo = await createRepo(hub, figure.name)
    const files = smallFiles(bench.size(1000, 50), 'cloned')
    await postCommit(hub, repo, commitBody('Add files', files.map(fileLine)))
    const weights = join(folder, 'model.safetensors')
    await writeContent(weights, bench.size(500, 5) * 1e6, fillRandom)
    await uploadByLfs(hub, repo, 'model.safetensors', weights)
    await untilJobsAreDone(hub)

    const places: GitHttpOptions = { repositories: join(folder, 'git'), objects: join(folder, 'lfs') }
    await mkdir(places.objects)
    await rename(weights, join(places.objects, await sha256OfFile(weights)))
    await machine.run('git', [
      'clone',
      '-q',
      '--mirror',
      `${hub.url}/${repo}`,
      join(places.repositories, 'cloned.git'),
    ])
    const plain = await startForked(bench, './git-http.ts', places)

    const clone = async (url: string) => {
      const target = join(folder, 'clone')
      const duration = await seconds(() => machine.run('git', ['clone', '-q', url, target]))
      await rm(target, { recursive: true })
      return duration
    }
    return bench.interleave({
      rounds: 3,
      warmUp: true,
      ours: () => clone(`${hub.url}/${repo}`),
      reference: () => clone(`${plain.url}/cloned.git`),
    })
  },
}
