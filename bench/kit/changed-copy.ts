import { open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Hub } from '../../test/hub.ts'
import type { Bench } from './bench.ts'
import { fillRandom, writeContent } from './contents.ts'
import type { Rounds } from './figure.ts'
import { createRepo, untilJobsAreDone } from './hub-client.ts'

const changedBytes = 1_000_000

/** MiB that the hub's objects grow by: when a 1 GiB copy comes of which 1 MB is changed, and when the original comes. */
export async function storedForCopy(
  bench: Bench,
  upload: (hub: Hub, repo: string, file: string, name: string) => Promise<unknown>,
): Promise<Rounds> {
  const size = bench.size(1024, 64) * 1024 * 1024
  const file = join(await bench.folder(), 'model.safetensors')
  const hub = await bench.hub()
  const repo = await createRepo(hub, 'changed-copy')
  const objects = join(hub.data, 'objects')
  const grownBy = async (name: string) => {
    const before = await bytesBelow(objects)
    await upload(hub, repo, file, name)
    await untilJobsAreDone(hub)
    return ((await bytesBelow(objects)) - before) / 1024 / 1024
  }
  await writeContent(file, size, fillRandom)
  const original = await grownBy('original.safetensors')
  await change(file, Math.floor(size / 3))
  const copy = await grownBy('copy.safetensors')
  return { ours: [copy], reference: [original], facts: { changedBytes, sizeMiB: size / 1024 / 1024 } }
}

async function change(path: string, at: number): Promise<void> {
  const file = await open(path, 'r+')
  try {
    const bytes = new Uint8Array(changedBytes)
    fillRandom(bytes)
    await file.write(bytes, 0, bytes.length, at)
  } finally {
    await file.close()
  }
}

async function bytesBelow(folder: string): Promise<number> {
  let bytes = 0
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size
  }
  return bytes
}
