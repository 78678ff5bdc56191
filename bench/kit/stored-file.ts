import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Hub } from '../../test/hub.ts'
import { residentMemory } from '../../test/process-memory.ts'
import { startNginx } from '../servers/nginx.ts'
import type { Bench } from './bench.ts'
import { fillRandom, fillWeights, writeContent } from './contents.ts'
import { createRepo, untilJobsAreDone, uploadByLfs } from './hub-client.ts'
import { newMachine } from './programs.ts'

/** One large file in a hub, and the same bytes as a plain file behind nginx. */
export interface StoredFile {
  readonly hub: Hub
  readonly size: number
  readonly hubUrl: string
  readonly nginxUrl: string
}

/** Random bytes, uploaded through LFS: the hub cut them into chunks and stored them as they are. */
export function storedRandom(bench: Bench): Promise<StoredFile> {
  return store(bench, fillRandom, uploadByLfs)
}

/** bf16 weights, uploaded by hf_xet: it cut them, grouped their bytes and compressed them. */
export function storedWeights(bench: Bench): Promise<StoredFile> {
  return store(bench, fillWeights, async (hub, repo, path, file) => {
    const machine = await newMachine(bench, { HF_ENDPOINT: hub.url, HF_TOKEN: hub.token })
    await machine.run('hf', ['upload', repo, file, path])
  })
}

/**
 * Random bytes in a hub that was started since, so that what it holds is what serving takes: of its process, what it holds
 * when idle, in MiB, beside it.
 */
export async function storedForMemory(
  bench: Bench,
  size: number,
): Promise<{ hub: Hub; repo: string; name: string; pid: number; idle: number }> {
  const name = 'model.safetensors'
  const file = join(await bench.folder(), name)
  const hub = await bench.hub()
  const repo = await createRepo(hub, 'stored')
  await writeContent(file, size, fillRandom)
  await uploadByLfs(hub, repo, name, file)
  await rm(file)
  await untilJobsAreDone(hub)
  await hub.restart()
  const pid = hub.pid()
  return { hub, repo, name, pid, idle: await residentMemory(pid) }
}

async function store(
  bench: Bench,
  fill: (bytes: Uint8Array) => void,
  upload: (hub: Hub, repo: string, path: string, file: string) => Promise<void>,
): Promise<StoredFile> {
  const size = bench.size(1024, 32) * 1024 * 1024
  const name = 'model.safetensors'
  const folder = await bench.folder()
  await writeContent(join(folder, name), size, fill)
  const hub = await bench.hub()
  const repo = await createRepo(hub, 'stored')
  await upload(hub, repo, name, join(folder, name))
  await untilJobsAreDone(hub)
  const nginx = await startNginx(bench, folder)
  return { hub, size, hubUrl: `${hub.url}/${repo}/resolve/main/${name}`, nginxUrl: `${nginx}/${name}` }
}
