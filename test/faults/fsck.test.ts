import { open, readdir, stat, truncate, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import SqliteHandle from 'better-sqlite3'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Hub, startHub } from '../hub.ts'
import { Uploads } from './uploads.ts'

/** The command as an operator runs it: beside a hub that works, and on what is broken. */
let hub: Hub
let uploads: Uploads

beforeAll(async () => {
  hub = await startHub()
  uploads = await Uploads.open(hub, 'ada', 'm')
})
afterAll(() => hub.stop())

/** What it has printed when it ended with 1. */
async function complaints(...args: string[]): Promise<string> {
  const outcome = await hub.runCli(['fsck', ...args]).then(() => 'ended with 0', String)
  expect(outcome).toContain('ended with 1:')
  return outcome
}

it('finds nothing beside a hub that takes uploads', async () => {
  let isOver = false
  const keepWriting = async () => {
    while (!isOver) {
      for (const upload of [uploads.commit(), uploads.lfs(), uploads.shard(), uploads.repo(), uploads.push()])
        expect((await upload.send()).status).toBe(200)
    }
  }
  const writing = keepWriting()
  for (let i = 0; i < 3; i++) expect(await hub.runCli(['fsck', '--deep'])).toContain('Everything is whole')
  isOver = true
  await writing
})

it('notices what no row knows', async () => {
  const [repoId] = await readdir(join(hub.data, 'objects/repos'))
  const key = `repos/${repoId}/packs/${'0'.repeat(40)}.pack`
  const path = join(hub.data, 'objects', key)
  await writeFile(path, 'left by a push that was cut')
  expect(await hub.runCli(['fsck'])).toContain('0 notices')
  const twoHoursAgo = Date.now() / 1000 - 2 * 3600
  await utimes(path, twoHoursAgo, twoHoursAgo)
  expect(await hub.runCli(['fsck'])).toContain(`notice: object ${key}: no row knows this pack`)
})

it('says which object is gone, which paths that concerns, and what to do', async () => {
  const content = uploads.lfsFile('weights/model.bin')
  expect((await content.send()).status).toBe(200)
  const folder = join(hub.data, 'objects/xorbs')
  const files = (await readdir(folder, { recursive: true })).filter(name => name.includes('/'))
  const newest = await Promise.all(
    files.map(async name => ({ name, at: (await stat(join(folder, name))).mtimeMs })),
  ).then(all => all.sort((a, b) => b.at - a.at)[0]!.name)
  await truncate(join(folder, newest), 5)
  expect(await content.state()).toMatch(/^status 500$/)
  const said = await complaints()
  expect(said).toMatch(
    new RegExp(`error: xorb \\w+: its object xorbs/${newest} has 5 bytes, .*; 1 file needs it`),
  )
  expect(said).toMatch(
    /error: model ada\/m \(\w+\) file weights\/model\.bin \(commit \w+\): needs sha256 \w+ .* damaged/,
  )
  expect(said).toContain('What to do:')
})

it('says that the database is damaged, when it can still be opened', async () => {
  await hub.kill()
  const path = join(hub.data, 'hub.sqlite')
  const database = new SqliteHandle(path)
  database.pragma('wal_checkpoint(TRUNCATE)')
  const { rootpage } = database
    .prepare("select rootpage from sqlite_schema where type = 'index' and tbl_name = 'chunk_index'")
    .get() as { rootpage: number }
  const pageSize = Number(database.pragma('page_size', { simple: true }))
  database.close()
  const file = await open(path, 'r+')
  // What an index page holds grows from its end.
  await file.write(Buffer.alloc(130, 0xa5), 0, 130, rootpage * pageSize - 130)
  await file.close()
  const said = await complaints()
  expect(said).toMatch(/error: database: /)
  expect(said).toContain(`put ${path} back from a backup`)
  await hub.start()
})
