import { randomBytes } from 'node:crypto'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type InProcessHub, startInProcessHub } from '../../../test/in-process-hub.ts'
import { PackBuilder } from '../../formats/pack-builder.ts'
import type { Repository } from '../../kernel/repository.ts'
import { PackDamaged } from './errors.ts'
import { GitObjects } from './git-objects.ts'
import { addObject, packKey, storePack } from './packs.ts'

/** Below and above what is held whole, compressed or inflated. */
const contents: [string, Buffer][] = [
  ['a pointer could have this size', randomBytes(500)],
  ['a few KB', randomBytes(5000)],
  ['more than a run holds', randomBytes(400_000)],
  ['a short entry that inflates to much', Buffer.alloc(3_000_000, 'ab')],
]

let hub: InProcessHub
let repo: Repository
beforeAll(async () => {
  hub = await startInProcessHub()
  repo = await hub.createRepo('sizes')
})
afterAll(() => hub.close())

async function packOf(...blobs: Buffer[]) {
  const builder = new PackBuilder()
  const oids: string[] = []
  for (const blob of blobs) oids.push(await addObject(builder, 'blob', blob))
  const record = await storePack(hub.parts, repo.id, builder)
  await hub.parts.database.transaction(tx => record(tx, 1))
  const { packId } = await builder.finish()
  return { oids, path: join(hub.folder, 'objects', packKey(repo.id, packId, 'pack')) }
}

describe('the size that a listing says', () => {
  it('is that of the blob, of many at once', async () => {
    const blobs = contents.map(([, content]) => content)
    const { oids } = await packOf(...blobs)
    const facts = await new GitObjects(hub.parts).blobFacts(repo.id, oids)
    expect(oids.map(oid => facts.get(oid)?.size)).toEqual(blobs.map(blob => blob.length))
  })

  it.each(contents)('is proven when it is first asked for: %s', async (_, content) => {
    const blob = Buffer.concat([randomBytes(8), content])
    const { oids, path } = await packOf(blob)
    const bytes = await readFile(path)
    // The lowest bit of the size in the header of the only entry.
    bytes[12]! ^= 1
    await chmod(path, 0o600)
    await writeFile(path, bytes)
    await expect(new GitObjects(hub.parts).blobFacts(repo.id, oids)).rejects.toThrow(PackDamaged)
    bytes[12]! ^= 1
    await writeFile(path, bytes)
    const facts = await new GitObjects(hub.parts).blobFacts(repo.id, oids)
    expect(facts.get(oids[0]!)?.size).toBe(blob.length)
  })
})
