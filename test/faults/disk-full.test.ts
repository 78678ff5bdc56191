import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Hub, runBanyan, startHub } from '../hub.ts'
import { newSmallDisk, type SmallDisk } from './small-disk.ts'
import { type Answer, Refused, type Upload, Uploads } from './uploads.ts'

/** A real hub on a real disk that runs full while things are uploaded, and has room again. */
const diskBytes = 48 * 1024 * 1024
const largeBytes = 24 * 1024 * 1024

let disk: SmallDisk
let hub: Hub
let uploads: Uploads
let before: Upload

beforeAll(async () => {
  disk = await newSmallDisk(diskBytes)
  console.log(`disk full: on a ${disk.kind}`)
  hub = await startHub({ data: join(disk.folder, 'data') })
  uploads = await Uploads.open(hub, 'ada', 'm')
  before = uploads.commit()
  expect((await before.send()).status).toBe(200)
})
afterAll(async () => {
  try {
    await hub?.stop()
  } finally {
    await disk?.remove()
  }
})

async function tried(upload: Upload): Promise<Answer> {
  try {
    return await upload.send()
  } catch (error) {
    if (error instanceof Refused) return error.answer
    throw error
  }
}

const kinds: [string, () => Upload][] = [
  ['a commit by the API', () => uploads.commit()],
  ['an LFS file', () => uploads.lfs()],
  ['a large LFS file', () => uploads.lfs(largeBytes)],
  ['a part of an LFS file', () => uploads.part()],
  ['a xorb', () => uploads.xorb()],
  ['a shard', () => uploads.shard()],
  ['a push', () => uploads.push()],
  ['a new repository', () => uploads.repo()],
]

it.each(kinds)(
  'says 507 to who sends %s to a full disk, reads on, and takes it when there is room',
  async (kind, make) => {
    const upload = make()
    // A large one begins well and meets the end half-way.
    await disk.fill(hub.pid(), kind === 'a large LFS file' ? largeBytes / 2 : 0)
    const answer = await tried(upload)
    const readable = await before.state()
    await disk.makeRoom(hub.pid())
    // To a limit of file sizes SQLite, which writes first here, says "I/O error".
    const isPlainFault = disk.kind === 'rlimit' && kind === 'a part of an LFS file'
    if (isPlainFault) expect(answer).toEqual({ status: 500, words: expect.stringContaining('request id') })
    else expect(answer).toEqual({ status: 507, words: expect.stringContaining('disk of this hub is full') })
    expect(readable).toBe('whole')
    expect(await upload.state()).toBe('absent')
    expect(await readdir(join(hub.data, 'objects/.tmp'))).toEqual([])
    expect((await tried(upload)).status).toBe(200)
    expect(await upload.state()).toBe('whole')
  },
)

it('starts on a full disk, to be read; on a read-only one it does not, and says so', async () => {
  await hub.kill()
  if (disk.kind === 'tmpfs') {
    await disk.fill(0)
    await hub.start()
    expect(await before.state()).toBe('whole')
    await hub.kill()
    await disk.makeRoom(0)
    await disk.setReadOnly(true)
    const log = await hub.start().then(() => 'started', String)
    await disk.setReadOnly(false)
    const words = log.trim().split('\n').at(-1)
    expect(words).toContain(`banyan: cannot open the data folder ${hub.data}: `)
    expect(words).toContain('is read-only')
  }
  const elsewhere = runBanyan(['serve', '--data', join(process.execPath, 'below-a-file')])
  await expect(elsewhere).rejects.toThrow('banyan: cannot open the data folder')
  await hub.start()
  expect(await before.state()).toBe('whole')
})

it('is whole afterwards, and after a kill on the full disk', async () => {
  await disk.fill(hub.pid())
  await tried(uploads.lfs())
  await hub.kill()
  if (disk.kind === 'tmpfs') await disk.makeRoom(0)
  await hub.start()
  expect(await before.state()).toBe('whole')
  expect(await hub.runCli(['fsck', '--deep'])).toContain('Everything is whole')
})
