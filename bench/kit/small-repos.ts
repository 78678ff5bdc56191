import { join } from 'node:path'
import type { Hub } from '../../test/hub.ts'
import type { Bench } from './bench.ts'
import { fillRandom, smallFiles, writeContent } from './contents.ts'
import { commitBody, createRepo, fileLine, postCommit, untilJobsAreDone, uploadByLfs } from './hub-client.ts'

interface StoredRepo {
  readonly hub: Hub
  readonly repo: string
}

/** A model as most are: a card, a few small files, weights (4 MiB of noise here, through LFS). */
export async function fewFiles(bench: Bench): Promise<StoredRepo> {
  const hub = await bench.sharedHub()
  const repo = await createRepo(hub, 'few-files')
  const weights = join(await bench.folder(), 'model.safetensors')
  await writeContent(weights, 4 * 1024 * 1024, fillRandom)
  await uploadByLfs(hub, repo, 'model.safetensors', weights)
  const config = JSON.stringify({ model_type: 'bert', hidden_size: 384, num_hidden_layers: 6 }, null, 2)
  const card = '---\nlicense: apache-2.0\ntags: [bench]\npipeline_tag: fill-mask\n---\n# A model\n'
  const files = [
    { path: 'README.md', content: Buffer.from(card) },
    { path: 'config.json', content: Buffer.from(config) },
    ...smallFiles(8, 'few'),
  ]
  await postCommit(hub, repo, commitBody('Add small files', files.map(fileLine)))
  await untilJobsAreDone(hub)
  return { hub, repo }
}

/** A model with 1,000 files in its root. */
export async function thousandFiles(bench: Bench): Promise<StoredRepo> {
  const hub = await bench.sharedHub()
  const repo = await createRepo(hub, 'thousand-files')
  const files = smallFiles(bench.size(1000, 100), 'thousand')
  await postCommit(hub, repo, commitBody('Add files', files.map(fileLine)))
  await untilJobsAreDone(hub)
  return { hub, repo }
}
