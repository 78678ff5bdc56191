import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { newMachine } from '../clients/run.ts'
import { type Hub, startHub } from '../hub.ts'
import { Ledger, type Promised, sha256Of } from './ledger.ts'
import { pick, random, randomContent, seed } from './seed.ts'

/**
 * Collection with next to no grace in a process of its own, and the merging of packs, beside writers of every kind, which
 * upload what they share with content that is being deleted. Uploads may be refused; what was acknowledged is there,
 * all the time and byte for byte.
 *
 * BANYAN_FAULT_SECONDS makes it longer, BANYAN_FAULT_SEED repeats its choices.
 */
const seconds = Number(process.env.BANYAN_FAULT_SECONDS ?? 15)

let hub: Hub
let ledger: Ledger
beforeAll(async () => {
  hub = await startHub()
  ledger = new Ledger(hub)
})
afterAll(() => hub.stop())

/** Files are made of these, so that they share chunks and xorbs. */
const pieces = Array.from({ length: 6 }, () => randomContent(200_000))
const sharedContent = () => Buffer.concat([pick(pieces), pick(pieces), randomContent(100_000), pick(pieces)])
/** Not for LFS and not too small to make packs of some size. */
const smallContent = () => randomContent(2000)

let serial = 0
const newName = (kind: string) => `${kind}-${serial++}`

/** Goes on until it is told to stop; each has repositories or branches of its own. */
type Writer = (isOver: () => boolean) => Promise<void>

/** Many small commits to one branch: packs to merge. Files come and go, history stays. */
const commits: Writer = async isOver => {
  const repo = 'ada/busy'
  await ledger.createRepo(repo)
  while (!isOver()) {
    const path = `${newName('file')}.bin`
    await ledger.addRegularFile(repo, 'main', path, smallContent())
    if (random() > 0.2) continue
    const gone = ledger.promised.find(promise => promise.repo === repo && promise.kind === 'regular')
    if (!gone) continue
    ledger.forget(promise => promise === gone)
    await ledger.commit(repo, 'main', [{ key: 'deletedFile', value: { path: gone.path } }])
  }
}

/** Repositories full of large files that come and go with all they hold. */
const repositories: Writer = async isOver => {
  const living: string[] = []
  while (!isOver()) {
    const repo = `ada/${newName('fleeting')}`
    if (!(await ledger.createRepo(repo))) continue
    living.push(repo)
    for (let n = 0; n < 3; n++) await ledger.addLfsFile(repo, 'main', `w${n}.bin`, sharedContent())
    if (living.length > 3) await ledger.deleteRepo(living.shift() as string)
  }
}

/** Branches of one repository that come and go. */
const branches: Writer = async isOver => {
  const repo = 'ada/branchy'
  await ledger.createRepo(repo)
  const living: string[] = []
  while (!isOver()) {
    const branch = newName('branch')
    const path = `/api/models/${repo}/branch/${branch}`
    if (!(await ledger.ask('POST', path, '{}'))?.ok) continue
    living.push(branch)
    await ledger.addRegularFile(repo, branch, 'a.bin', smallContent())
    await ledger.addLfsFile(repo, branch, 'w.bin', sharedContent())
    if (living.length < 4) continue
    const gone = living.shift() as string
    ledger.forget(promise => promise.repo === repo && promise.revision === gone)
    await ledger.ask('DELETE', `/api/models/${repo}/branch/${gone}`)
  }
}

/** hf_xet, which asks the hub for chunks to build upon, each process with a cache of its own. */
const xet: Writer = async isOver => {
  const kept = 'ada/xet'
  await ledger.createRepo(kept)
  const living: string[] = []
  while (!isOver()) {
    const repo = `ada/${newName('xet')}`
    await ledger.createRepo(repo)
    living.push(repo)
    const machine = await newMachine(hub.url, hub.token)
    const notes = join(machine.home, 'notes')
    const wanted = { repos: [repo, kept], prefix: repo, seed: randomUUID(), count: 4, notes }
    await machine.python('xet_uploads', wanted)
    await ledger.addNoted(notes)
    if (living.length > 1) await ledger.deleteRepo(living.shift() as string)
  }
}

/** A clone that pushes on, starts over by force, and deletes its branch. */
const pushes: Writer = async isOver => {
  const repo = 'ada/pushed'
  await ledger.createRepo(repo)
  const machine = await newMachine(hub.url, hub.token)
  const clone = join(machine.home, 'clone')
  const address = `${hub.url.replace('//', `//ada:${hub.token}@`)}/${repo}`
  await machine.run('git', ['init', '-q', clone])
  const git = (...args: string[]) => machine.attempt('git', args, { cwd: clone })
  const pushed = new Map<string, Promised>()
  const withdraw = (revision: string) =>
    ledger.forget(promise => promise.repo === repo && promise.revision === revision)
  while (!isOver()) {
    const bytes = smallContent()
    await writeFile(join(clone, 'by-git.bin'), bytes)
    await git('add', '.')
    // An orphan, or one more on top.
    await git('commit', '-qm', newName('push'), ...(random() < 0.2 ? ['--amend'] : []))
    const branch = pick(['one', 'two'])
    const tag = newName('tag')
    // It moves before we are told so.
    withdraw(branch)
    const { code, stderr } = await git('push', '-qf', address, `HEAD:${branch}`, `HEAD:refs/tags/${tag}`)
    if (/broken/.test(stderr)) ledger.outrages.push(stderr)
    if (code === 0) {
      const file = { kind: 'git', repo, path: 'by-git.bin', sha256: sha256Of(bytes) } as const
      pushed.set(branch, { ...file, revision: branch })
      ledger.promised.push({ ...file, revision: tag })
    }
    const kept = pushed.get(branch)
    if (kept) ledger.promised.push(kept)
    if (random() < 0.2) {
      withdraw(branch)
      pushed.delete(branch)
      await git('push', '-q', address, `:${branch}`)
    }
  }
}

/** Reads what was promised, while all of this goes on. */
const reads: Writer = async isOver => {
  while (!isOver()) {
    const promise = pick(ledger.promised)
    if (promise) await expectKept(promise)
    await sleep(20)
  }
}

/** Unless it was withdrawn while it was read. */
async function expectKept(promise: Promised): Promise<void> {
  const found = await ledger.sha256At(promise)
  if (found !== promise.sha256 && ledger.promised.includes(promise))
    ledger.outrages.push(`${JSON.stringify(promise)} was read as ${found}`)
}

it(`gc loses nothing that uploads race it for, ${seconds} s (seed ${seed})`, {
  timeout: 120_000 + seconds * 3000,
}, async () => {
  const gc = collecting(hub.data, seconds)
  let isOver = false
  const writers = [commits, commits, repositories, repositories, branches, xet, xet, pushes, reads]
  const working = Promise.all(writers.map(write => write(() => isOver)))
  working.catch(() => {})
  const removed = await gc
  isOver = true
  await working

  console.log('gc:', JSON.stringify(removed))
  expect(removed.xorbs).toBeGreaterThan(0)
  expect(removed.packs).toBeGreaterThan(0)
  ledger.expectSomeOfEach()
  await ledger.expectKept()
  expect(await hub.runCli(['fsck', '--deep'])).toContain('Everything is whole')
  expect(faultsIn(await hub.wholeLog())).toEqual([])
  // A clone needs all of history, merged packs and all.
  const machine = await newMachine(hub.url, hub.token)
  for (const repo of ['busy', 'pushed']) {
    await machine.run('git', ['clone', '-q', '--mirror', `${hub.url}/ada/${repo}`, repo])
    await machine.run('git', ['-C', repo, 'fsck', '--full', '--strict'])
  }
})

/** Collects in another process for so long. */
async function collecting(data: string, forSeconds: number): Promise<{ xorbs: number; packs: number }> {
  const script = join(import.meta.dirname, 'gc-process.ts')
  const child = spawn(process.execPath, [script, data, String(forSeconds)])
  let printed = ''
  let complaints = ''
  child.stdout.on('data', text => {
    printed += text
  })
  child.stderr.on('data', text => {
    complaints += text
  })
  const code = await new Promise(settle => child.once('close', settle))
  if (code !== 0) throw new Error(`gc ended with ${code}: ${complaints}`)
  return JSON.parse(printed)
}

/** What was logged as an error, but for refusals: what is being deleted cannot be stored in that moment. */
function faultsIn(log: string): string[] {
  return log.split('\n').filter(line => line.includes('"level":50') && !line.includes('BeingCollected'))
}
