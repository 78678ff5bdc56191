import { createHash, randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { newMachine } from '../clients/run.ts'
import { type Hub, startHub } from '../hub.ts'

/**
 * The hub is killed at random moments while clients of every kind write to it. Whatever was acknowledged must be there
 * afterwards, byte for byte; whatever was not is whole or absent; and fsck finds nothing broken.
 *
 * BANYAN_FAULT_SEED repeats a run's moments, BANYAN_FAULT_ROUNDS makes it longer.
 */
const rounds = Number(process.env.BANYAN_FAULT_ROUNDS ?? 6)
const seed = Number(process.env.BANYAN_FAULT_SEED ?? randomBytes(4).readUInt32BE())

/** mulberry32 */
let state = seed
function random(): number {
  state = (state + 0x6d2b79f5) | 0
  let t = Math.imul(state ^ (state >>> 15), 1 | state)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
}

let hub: Hub
interface Promised {
  readonly kind: string
  readonly revision: string
  readonly path: string
  readonly sha256: string
}
const acknowledged: Promised[] = []
function acknowledge(kind: string, revision: string, path: string, sha256: string): void {
  acknowledged.push({ kind, revision, path, sha256 })
}
const repo = 'ada/killed'

beforeAll(async () => {
  hub = await startHub()
  const made = await ask('POST', '/api/repos/create', JSON.stringify({ name: 'killed' }), 'application/json')
  expect(made?.status).toBe(200)
})
afterAll(() => hub.stop())

/** Undefined when the hub went away meanwhile. */
async function ask(
  method: string,
  path: string,
  body?: string | Uint8Array,
  type = '',
): Promise<Response | undefined> {
  try {
    return await fetch(path.startsWith('http') ? path : `${hub.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${hub.token}`, 'content-type': type },
      ...(body !== undefined && { body: body as NonNullable<RequestInit['body']> }),
    })
  } catch {
    return undefined
  }
}

async function commit(lines: unknown[]): Promise<boolean> {
  const header = { key: 'header', value: { summary: 'under fire' } }
  const body = [header, ...lines].map(line => JSON.stringify(line)).join('\n')
  const answer = await ask('POST', `/api/models/${repo}/commit/main`, body, 'application/x-ndjson')
  const isDone = answer?.status === 200
  await answer?.text().catch(() => {})
  return isDone
}

const sha256Of = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

/** Writes one thing that no other call writes. */
type Writer = (n: number) => Promise<void>

const regularFile: Writer = async n => {
  const path = `regular/${n}.txt`
  const content = randomBytes(200).toString('hex')
  const file = { path, content: Buffer.from(content).toString('base64'), encoding: 'base64' }
  if (await commit([{ key: 'file', value: file }])) {
    acknowledge('regular', 'main', path, sha256Of(Buffer.from(content)))
  }
}

const lfsFile: Writer = async n => {
  const path = `lfs/${n}.bin`
  const content = randomBytes(300_000 + Math.floor(random() * 3_000_000))
  const oid = sha256Of(content)
  const batch = { operation: 'upload', transfers: ['basic'], objects: [{ oid, size: content.length }] }
  const offered = await ask(
    'POST',
    `/${repo}.git/info/lfs/objects/batch`,
    JSON.stringify(batch),
    'application/json',
  )
  const answer = (await offered?.json().catch(() => undefined)) as
    | { objects: [{ actions?: { upload: { href: string } } }] }
    | undefined
  const href = answer?.objects[0].actions?.upload.href
  if (!href || (await ask('PUT', href, content))?.status !== 200) return
  const file = { path, algo: 'sha256', oid, size: content.length }
  if (await commit([{ key: 'lfsFile', value: file }])) acknowledge('lfs', 'main', path, oid)
}

/** Real clients, each from a machine of its own: a failure of theirs is nothing, a success is a promise. */
async function xetFile(n: number): Promise<void> {
  const machine = await newMachine(hub.url, hub.token)
  const content = randomBytes(2_000_000)
  await writeFile(join(machine.home, 'w.bin'), content)
  const path = `xet/${n}.bin`
  const ran = await machine.attempt('hf', ['upload', repo, 'w.bin', path])
  if (ran.code === 0) acknowledge('xet', 'main', path, sha256Of(content))
}

async function gitPush(n: number): Promise<void> {
  const machine = await newMachine(hub.url, hub.token)
  const address = hub.url.replace('//', `//ada:${hub.token}@`)
  const content = randomBytes(1000).toString('hex')
  const clone = join(machine.home, 'clone')
  const env = { GIT_LFS_SKIP_SMUDGE: '1' }
  const cloned = await machine.attempt('git', ['clone', '-q', `${address}/${repo}`, clone], { env })
  if (cloned.code !== 0) return
  await writeFile(join(clone, 'by-git.txt'), content)
  await machine.run('git', ['add', 'by-git.txt'], { cwd: clone })
  await machine.run('git', ['commit', '-qm', 'by git'], { cwd: clone })
  // A branch of its own: the API moves main faster than a clone can be pushed back.
  const pushed = await machine.attempt('git', ['push', '-q', 'origin', `HEAD:git-${n}`], { cwd: clone })
  if (pushed.code === 0) acknowledge('git', `git-${n}`, 'by-git.txt', sha256Of(Buffer.from(content)))
}

it(`keeps what it has acknowledged through ${rounds} deaths (seed ${seed})`, {
  timeout: 120_000 + rounds * 20_000,
}, async () => {
  console.log(`faults: seed ${seed}`)
  let isOver = false
  const keepWriting = async (write: Writer, first: number) => {
    for (let n = first; !isOver; n += 10) await write(n)
  }
  const writers = [regularFile, regularFile, lfsFile, xetFile, gitPush].map(keepWriting)
  for (let round = 0; round < rounds; round++) {
    await sleep(500 + random() * 4000)
    await hub.kill()
    await hub.start()
  }
  isOver = true
  await Promise.all(writers)

  const counts = Object.groupBy(acknowledged, promised => promised.kind)
  console.log(
    'acknowledged:',
    Object.entries(counts)
      .map(([kind, list]) => `${list?.length} ${kind}`)
      .join(', '),
  )
  // Without these the run has proven nothing.
  for (const kind of ['regular', 'lfs', 'xet', 'git']) expect(counts[kind]?.length, kind).toBeGreaterThan(0)
  for (const { revision, path, sha256 } of acknowledged) {
    const found = await sha256At(revision, path)
    expect([revision, path, found]).toEqual([revision, path, sha256])
  }
  // Of what was not acknowledged, a file that is listed is whole.
  const listed = await ask('GET', `/api/models/${repo}/tree/main?recursive=true`)
  const entries = (await listed?.json()) as { path: string; lfs?: { oid: string } }[]
  for (const { path, lfs } of entries) {
    if (lfs) expect([path, await sha256At('main', path)]).toEqual([path, lfs.oid])
  }
  expect(await hub.runCli(['fsck', '--deep'])).toContain('Everything is whole')
})

/** Or the status of the refusal. */
async function sha256At(revision: string, path: string): Promise<string | number | undefined> {
  const answer = await ask('GET', `/${repo}/resolve/${revision}/${path}`)
  if (answer?.status !== 200) return answer?.status
  return sha256Of(new Uint8Array(await answer.arrayBuffer()))
}
