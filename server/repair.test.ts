import { createHash, randomBytes } from 'node:crypto'
import { chmod, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { TestHub } from './hub-for-test.suite.ts'

let hub: TestHub
beforeAll(async () => {
  hub = await TestHub.open()
  await hub.hub.accounts.addUser({ name: 'alice', token: { value: 'alice', name: 't', role: 'write' } })
  expect((await hub.as('alice').post('/api/repos/create', { name: 'one' })).status).toBe(200)
})
afterAll(() => hub.close())

const content = randomBytes(300_000)
const oid = createHash('sha256').update(content).digest('hex')
const alice = () => hub.as('alice')

async function uploadAction(): Promise<{ href: string } | undefined> {
  const answer = await alice().post('/alice/one.git/info/lfs/objects/batch', {
    operation: 'upload',
    objects: [{ oid, size: content.length }],
  })
  return answer.json().objects[0].actions?.upload
}

async function upload(): Promise<void> {
  const { pathname, search } = new URL((await uploadAction())!.href)
  expect((await hub.as().put(pathname + search, content)).status).toBe(200)
}

async function fsck(): Promise<string[]> {
  const found: string[] = []
  const report = { finding: ({ subject }: { subject: string }) => found.push(subject), progress() {} }
  const damaged = await hub.hub.blobs.check({ deep: true }, report)
  await hub.hub.repos.check({ deep: true, damaged }, report)
  return found
}

it('a file that a disk has damaged is whole again when it is uploaded again', async () => {
  await upload()
  expect((await alice().commit('alice/one', { 'w.bin': { sha256: oid, size: content.length } })).status).toBe(
    200,
  )
  expect(await uploadAction()).toBeUndefined()
  const folder = join(hub.hub.config.data, 'objects', 'xorbs')
  const [name] = (await readdir(folder, { recursive: true })).filter(path => path.length > 64)
  const bytes = await readFile(join(folder, name!))
  bytes[1000]! ^= 1
  await chmod(join(folder, name!), 0o600)
  await writeFile(join(folder, name!), bytes)

  expect((await alice().get('/alice/one/resolve/main/w.bin')).status).toBe(500)
  expect(await fsck()).toEqual(expect.arrayContaining([expect.stringContaining('w.bin')]))
  await upload()
  expect(await uploadAction()).toBeUndefined()
  expect((await alice().get('/alice/one/resolve/main/w.bin')).bytes.equals(content)).toBe(true)
  expect(await fsck()).toEqual([])
})
