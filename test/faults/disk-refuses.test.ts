import { mkdtemp, readdir, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { sql } from 'kysely'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { readConfig } from '../../server/config.ts'
import { type OpenHub, openHub } from '../../server/open-hub.ts'
import { diskFault } from './faulty-disk.ts'
import { type Answer, Refused, type Upload, Uploads } from './uploads.ts'

/**
 * A disk that becomes full, or read-only, before any one of the writes of an upload. The client is told so, nothing is
 * half there, and what failed succeeds when the disk takes bytes again. `disk-full.test.ts` does it on a real one.
 */
vi.mock('node:fs/promises', async original => (await import('./faulty-disk.ts')).faulty(await original()))

let data: string
let hub: OpenHub
let app: FastifyInstance
let uploads: Uploads

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'banyan-refuses-'))
  diskFault.root = data
  hub = await openHub(readConfig({ data, logLevel: 'silent' }, {}))
  app = hub.createApp()
  await app.listen({ host: '127.0.0.1', port: 0 })
  const token = 'hf_full'
  await hub.accounts.addUser({ name: 'ada', token: { value: token, name: 'test', role: 'write' } })
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
  uploads = await Uploads.open({ url, token, data }, 'ada', 'm')
})
afterEach(() => {
  diskFault.after = Number.POSITIVE_INFINITY
})
afterAll(async () => {
  await app.close()
  await hub.close()
  await rm(data, { recursive: true })
})

const kinds: [string, () => Upload][] = [
  ['a commit by the API', () => uploads.commit()],
  ['an LFS file', () => uploads.lfs()],
  ['a part of an LFS file', () => uploads.part()],
  ['a xorb', () => uploads.xorb()],
  ['a shard', () => uploads.shard()],
  ['a push', () => uploads.push()],
  ['a new repository', () => uploads.repo()],
]

async function tried(upload: Upload): Promise<Answer> {
  try {
    return await upload.send()
  } catch (error) {
    if (error instanceof Refused) return error.answer
    throw error
  }
}

describe.each([
  ['ENOSPC', 507, 'full'],
  ['EROFS', 503, 'read-only'],
] as const)('a disk that says %s', (code, status, word) => {
  it.each(kinds)('from any write on is told to who sends %s, and loses nothing', async (kind, make) => {
    diskFault.code = code
    let upload = make()
    // A push takes a hundred times as long as the others.
    for (let after = 0; ; after += kind === 'a push' ? 3 : 1) {
      diskFault.failed = 0
      diskFault.after = after
      const answer = await tried(upload)
      diskFault.after = Number.POSITIVE_INFINITY
      if (diskFault.failed === 0) {
        // As many writes as it has were tried.
        expect(answer.status).toBe(200)
        expect(after).toBeGreaterThan(3)
        break
      }
      expect([after, answer.status, answer.words]).toEqual([after, status, expect.stringContaining(word)])
      expect([after, await upload.state()]).toEqual([after, expect.stringMatching(/^(absent|whole)$/)])
      expect([after, (await tried(upload)).status]).toEqual([after, 200])
      expect([after, await upload.state()]).toEqual([after, 'whole'])
      upload = make()
    }
    if (code === 'ENOSPC') expect(await readdir(join(data, 'objects/.tmp'))).toEqual([])
  })
})

describe('a database that cannot grow', () => {
  const pragma = async (text: string) =>
    Object.values(
      (await sql<Record<string, number>>`${sql.raw(`pragma ${text}`)}`.execute(hub.database.sql)).rows[0]!,
    )[0]

  const others = kinds.filter(([kind]) => kind !== 'a push')
  it.each([...others, ['a shard, told line by line', () => uploads.shard(2)] as (typeof kinds)[0]])(
    'is told to who sends %s, and loses nothing',
    async (_, make) => {
      const limit = await pragma('max_page_count')
      let refused: Answer | undefined
      let upload: Upload
      // Pages have room for some rows yet.
      for (let n = 0; ; n++) {
        upload = make()
        await pragma(`max_page_count = ${await pragma('page_count')}`)
        refused = await tried(upload)
        await pragma(`max_page_count = ${limit}`)
        if (refused.status !== 200) break
        expect(n).toBeLessThan(200)
      }
      expect(refused).toEqual({ status: 507, words: expect.stringContaining('full') })
      expect(await upload.state()).toMatch(/^(absent|whole)$/)
      expect((await tried(upload)).status).toBe(200)
      expect(await upload.state()).toBe('whole')
    },
  )
})

it.each(kinds)('a database that is read-only is told to who sends %s, and read on', async (_, make) => {
  const [before, upload] = [uploads.commit(), make()]
  expect((await before.send()).status).toBe(200)
  await sql`pragma query_only = 1`.execute(hub.database.sql)
  const refused = await tried(upload)
  const readable = await before.state()
  await sql`pragma query_only = 0`.execute(hub.database.sql)
  expect(refused).toEqual({ status: 503, words: expect.stringContaining('read-only') })
  expect(readable).toBe('whole')
  expect(await upload.state()).toBe('absent')
  expect((await tried(upload)).status).toBe(200)
  expect(await upload.state()).toBe('whole')
})

it('leaves nothing broken', async () => {
  const findings: unknown[] = []
  const report = { finding: (finding: { severity: string }) => findings.push(finding), progress() {} }
  await hub.blobs.check({ deep: true }, report)
  await hub.repos.check({ deep: true, damaged: new Set() }, report)
  expect(findings.filter(finding => (finding as { severity: string }).severity === 'error')).toEqual([])
})
