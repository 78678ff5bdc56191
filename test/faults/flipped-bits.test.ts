import { createHash } from 'node:crypto'
import { chmod, mkdtemp, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { compose, type Hub } from '../../server/compose.ts'
import { readConfig } from '../../server/config.ts'
import { parseShard } from '../../server/formats/shard.ts'
import { hfXetUpload } from '../../server/formats/testdata/client-uploads.ts'
import { type OpenHub, openHub } from '../../server/open-hub.ts'
import { GitClient } from '../git-client.ts'
import { faultSeed, Random } from './random.ts'

/**
 * One bit of one stored file is flipped, in every region of every kind of file. Whoever reads gets the very bytes that
 * were stored, or an error, or a cut line; never other bytes. And `fsck --deep` says which object it is.
 */
const random = new Random()
const config = (data: string) => readConfig({ data, logLevel: 'silent' }, {})
const log = pino({ level: 'silent' })
const token = 'hf_flip'

let data: string
let drivers: OpenHub
let git: GitClient
let kinds: Map<string, string[]>
const paths: string[] = []
let healthy: Map<string, string>

beforeAll(async () => {
  console.log(`flipped bits: BANYAN_FAULT_SEED=${faultSeed}`)
  data = await mkdtemp(join(tmpdir(), 'banyan-flips-'))
  drivers = await openHub(config(data), log)
  await drivers.accounts.addUser({ name: 'ada', token: { value: token, name: 't', role: 'write' } })
  await listening(async url => {
    const ask = asker(url)
    await ask('POST', '/api/repos/create', JSON.stringify({ name: 'm' }))
    await commit(ask, { 'a.txt': text(1, 3000), 'folder/b.txt': text(2, 40_000), 'README.md': '# Card\n' })
    await commit(ask, { 'c.txt': text(3, 500) })
    // Deltas, and an annotated tag.
    git = new GitClient(await mkdtemp(join(data, 'git-')))
    await git.run('clone', '-q', `${url.replace('//', `//ada:${token}@`)}/ada/m`, 'work')
    const large = text(4, 30_000)
    await git.commit('work', { 'd.txt': large })
    await git.commit('work', { 'd.txt': `${large.slice(0, 15_000)}changed${large.slice(15_000)}` })
    await git.run('-C', 'work', 'tag', '-a', 'v1', '-m', 'one')
    await git.run('-C', 'work', 'push', '-q', '--follow-tags')
    // Stored chunks, by LFS; compressed ones of each scheme, by a Xet client.
    const content = new Random(5).bytes(300_000)
    const oid = sha256(content)
    const batch = { operation: 'upload', transfers: ['basic'], objects: [{ oid, size: content.length }] }
    const offered = await ask('POST', '/ada/m.git/info/lfs/objects/batch', JSON.stringify(batch))
    const { href } = JSON.parse(offered.text).objects[0].actions.upload
    await ask('PUT', href, content)
    const key = JSON.parse((await ask('GET', '/api/models/ada/m/xet-write-token/main')).text)
    for (const { hash, body } of hfXetUpload.xorbs)
      await ask('POST', `${key.casUrl}/v1/xorbs/default/${hash}`, body, key.accessToken)
    await ask('POST', `${key.casUrl}/v1/shards`, hfXetUpload.shard, key.accessToken)
    const files = parseShard(hfXetUpload.shard).files.map(
      (file, n) => [`xet-${n}.bin`, file.sha256!] as const,
    )
    await commit(ask, {}, [['lfs.bin', oid], ...files])
    paths.push(
      'a.txt',
      'folder/b.txt',
      'README.md',
      'c.txt',
      'd.txt',
      'lfs.bin',
      ...files.map(([path]) => path),
    )
  })
  for (const job of drivers.jobs) {
    if (job.name !== 'blobs.prove-file') continue
    for (const { hash } of parseShard(hfXetUpload.shard).files) await job.run({ fileHash: hash } as never)
  }
  kinds = await storedFiles(join(data, 'objects'))
  healthy = await answers()
  expect([...healthy.values()].filter(answer => !answer.startsWith('200'))).toEqual([])
  expect(await findings()).toEqual([])
})
afterAll(async () => {
  await drivers.close()
  await rm(data, { recursive: true })
})

function text(seed: number, length: number): string {
  const from = new Random(seed)
  return Array.from({ length: length / 10 }, () => `${from.below(1e9)}`.padStart(9, '.')).join('\n')
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

type Ask = ReturnType<typeof asker>

function asker(url: string) {
  return async (method: string, path: string, body?: string | Uint8Array, key = token) => {
    const answer = await fetch(path.startsWith('http') ? path : `${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: body as NonNullable<RequestInit['body']> }),
    })
    const found = { status: answer.status, text: await answer.text() }
    if (found.status !== 200) throw new Error(`${method} ${path}: ${found.status} ${found.text}`)
    return found
  }
}

async function commit(ask: Ask, files: Record<string, string>, lfs: (readonly [string, string])[] = []) {
  const lines: object[] = [{ key: 'header', value: { summary: 'files' } }]
  for (const [path, content] of Object.entries(files)) {
    const base64 = Buffer.from(content).toString('base64')
    lines.push({ key: 'file', value: { path, content: base64, encoding: 'base64' } })
  }
  for (const [path, oid] of lfs) lines.push({ key: 'lfsFile', value: { path, algo: 'sha256', oid } })
  await ask('POST', '/api/models/ada/m/commit/main', lines.map(line => JSON.stringify(line)).join('\n'))
}

/** A hub that remembers nothing, over the same files and rows. */
async function freshHub<T>(work: (hub: Hub, app: FastifyInstance) => Promise<T>): Promise<T> {
  const hub = await compose(config(data), drivers, log)
  const app = hub.createApp()
  try {
    return await work(hub, app)
  } finally {
    await app.close()
    await hub.blobs.close()
  }
}

async function listening(work: (url: string) => Promise<void>): Promise<void> {
  await freshHub(async (_, app) => {
    await app.listen({ host: '127.0.0.1', port: 0 })
    await work(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}`)
  })
}

/** What the hub says to every question, as status and hash of the body; `cut` where it broke off. */
async function answers(): Promise<Map<string, string>> {
  const urls = [
    ...paths.flatMap(path => [`/ada/m/resolve/main/${path}`, `/ada/m/raw/main/${path}`]),
    '/ada/m/resolve/v1/d.txt',
    '/api/models/ada/m/tree/main',
    '/api/models/ada/m/tree/main/folder',
    '/api/models/ada/m/tree/main?expand=true',
    '/api/models/ada/m/commits/main',
    '/api/models/ada/m/refs',
  ]
  return await freshHub(async (_, app) => {
    const found = new Map<string, string>()
    for (const url of urls) {
      const headers = { host: 'hub.test', authorization: `Bearer ${token}` }
      const answer = await app.inject({ method: 'GET', url, headers }).catch(() => undefined)
      const isWhole = answer && Number(answer.headers['content-length'] ?? -1) <= answer.rawPayload.length
      const body = answer?.rawPayload ?? Buffer.alloc(0)
      const said = answer?.statusCode === 200 ? `200 ${sha256(body)}` : `${answer?.statusCode}`
      found.set(url, isWhole ? said : 'cut')
    }
    return found
  })
}

async function findings(): Promise<string[]> {
  return await freshHub(async hub => {
    const lines: string[] = []
    const report = {
      finding: ({ severity, subject, words }: { severity: string; subject: string; words: string }) => {
        if (severity === 'error') lines.push(`${subject}: ${words}`)
      },
      progress() {},
    }
    const damaged = await hub.blobs.check({ deep: true }, report)
    await hub.repos.check({ deep: true, damaged }, report)
    return lines
  })
}

/** Keys of objects, by what they are. */
async function storedFiles(folder: string): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>()
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const key = relative(folder, join(entry.parentPath, entry.name))
    const kind = key.startsWith('xorbs/') ? 'xorb' : key.slice(-4).replace('.', '')
    found.set(kind, [...(found.get(kind) ?? []), key])
  }
  return found
}

async function flip(key: string, at: number, bit: number): Promise<void> {
  const path = join(data, 'objects', key)
  await chmod(path, 0o600)
  const file = await open(path, 'r+')
  const byte = Buffer.alloc(1)
  await file.read(byte, 0, 1, at)
  byte[0]! ^= 1 << bit
  await file.write(byte, 0, 1, at)
  await file.close()
}

/** Places in a file of this kind and size: fixed ones that mean something, and some of any other. */
function placesIn(kind: string, size: number): number[] {
  const anywhere = Array.from({ length: 6 }, () => random.below(size))
  const fixed = {
    // PACK, version, count; the first entry's header and its deflated bytes; the trailer.
    pack: [0, 7, 11, 12, 13, 14, 20, 40, size - 21, size - 20, size - 1],
    // Magic, version; fan-out; names; then by parts from the end: checksum, pack id, offsets, CRCs.
    idx: [
      0,
      7,
      8,
      100,
      1031,
      1032,
      1051,
      size - 1,
      size - 20,
      size - 21,
      size - 40,
      size - 41,
      size - 44,
      size - 49,
    ],
    // Frame header (version, lengths, scheme), its bytes; footer from its end.
    xorb: [
      0,
      1,
      4,
      5,
      7,
      8,
      9,
      100,
      size - 1,
      size - 4,
      size - 5,
      size - 21,
      size - 25,
      size - 29,
      size - 33,
      size - 60,
      size - 110,
      size - 130,
    ],
  }
  return [...(fixed[kind as keyof typeof fixed] ?? []), ...anywhere].filter(at => at >= 0 && at < size)
}

/** Some of all the places where a bit may flip: all of them, where BANYAN_FLIPS says more than there are. */
async function flipsOf(
  kind: string,
  count: number,
): Promise<{ key: string; at: number; bit: number; where: string }[]> {
  const all: { key: string; at: number; bit: number; where: string }[] = []
  for (const key of kinds.get(kind) ?? []) {
    const { size } = await stat(join(data, 'objects', key))
    for (const at of placesIn(kind, size)) {
      const bit = random.below(8)
      all.push({ key, at, bit, where: `${key} of ${size} bytes, bit ${bit} of byte ${at}` })
    }
  }
  const wanted = Number(process.env.BANYAN_FLIPS ?? count)
  while (all.length > wanted) all.splice(random.below(all.length), 1)
  return all
}

it.each(['pack', 'idx', 'xorb'])(
  'never serves other bytes after a bit of a %s has flipped',
  {
    timeout: 300_000,
  },
  async kind => {
    let refused = 0
    for (const { key, at, bit, where } of await flipsOf(kind, 8)) {
      await flip(key, at, bit)
      const [given, found] = [await answers(), await findings()]
      await flip(key, at, bit)
      for (const [url, answer] of given) {
        const isRefusal = answer === 'cut' || answer.startsWith('5')
        if (isRefusal) refused++
        else expect([where, url, answer]).toEqual([where, url, healthy.get(url)])
      }
      expect([where, ...found].join('\n')).toContain(`object ${key}`)
    }
    expect(refused).toBeGreaterThan(0)
    expect(await answers()).toEqual(healthy)
  },
)

it('never serves an object for another, where an index has them exchanged', async () => {
  let refused = 0
  for (const key of kinds.get('idx') ?? []) {
    const path = join(data, 'objects', key)
    const good = await readFile(path)
    const count = good.readUInt32BE(8 + 255 * 4)
    const offsetAt = (n: number) => good.length - 40 - (count - n) * 4
    const bad = Buffer.from(good)
    // All turned by one: no place in the pack is named twice, and each is the beginning of some object.
    for (let n = 0; n < count; n++)
      bad.writeUInt32BE(good.readUInt32BE(offsetAt((n + 1) % count)), offsetAt(n))
    await chmod(path, 0o600)
    await writeFile(path, bad)
    const given = await answers()
    await writeFile(path, good)
    for (const [url, answer] of given) {
      if (answer === 'cut' || answer.startsWith('5')) refused++
      else expect([key, url, answer]).toEqual([key, url, healthy.get(url)])
    }
  }
  expect(refused).toBeGreaterThan(0)
})

it.each(['pack', 'idx'])(
  'lets a clone fail loudly after a bit of a %s has flipped',
  {
    timeout: 300_000,
  },
  async kind => {
    let failed = 0
    await listening(async url => {
      const clone = async () => {
        // Where the mirror has a copy, not a link, it would not see the damage.
        await rm(join(data, 'cache'), { recursive: true, force: true })
        await rm(join(git.home, 'again'), { recursive: true, force: true })
        const address = `${url.replace('//', `//ada:${token}@`)}/ada/m`
        const { code, stderr } = await git.attempt(
          '-c',
          'filter.lfs.smudge=',
          'clone',
          '-q',
          address,
          'again',
        )
        if (code !== 0) return `failed: ${stderr}`
        await git.run('-C', 'again', 'fsck', '--full', '--strict')
        const files = await git.run('-C', 'again', 'ls-tree', '-r', 'HEAD')
        return files + (await git.run('-C', 'again', 'rev-parse', 'v1'))
      }
      const whole = await clone()
      expect(whole).not.toContain('failed')
      for (const { key, at, bit, where } of await flipsOf(kind, 4)) {
        await flip(key, at, bit)
        const outcome = await clone()
        await flip(key, at, bit)
        if (outcome.startsWith('failed: ') && outcome.length > 10) failed++
        else expect([where, outcome]).toEqual([where, whole])
      }
      expect(await clone()).toBe(whole)
    })
    // There are bytes of an index that git does not need for this: it clones past them, rightly.
    if (kind === 'pack') expect(failed).toBeGreaterThan(0)
  },
)
