import { randomUUID } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { newMachine } from '../clients/run.ts'
import { type Hub, startHub } from '../hub.ts'
import { Ledger, sha256Of } from './ledger.ts'
import { random, randomContent, seed } from './seed.ts'

/**
 * The hub is killed at random moments while clients of every kind write to it. Whatever was acknowledged must be there
 * afterwards, byte for byte; whatever was not is whole or absent; and fsck finds nothing broken.
 *
 * BANYAN_FAULT_SEED repeats a run's moments, BANYAN_FAULT_ROUNDS and BANYAN_FAULT_WRITES make it longer: it goes on
 * until there were so many deaths and so many promises.
 */
const rounds = Number(process.env.BANYAN_FAULT_ROUNDS ?? 4)
const writes = Number(process.env.BANYAN_FAULT_WRITES ?? 60)
const repo = 'ada/killed'

let hub: Hub
let ledger: Ledger
beforeAll(async () => {
  hub = await startHub()
  ledger = new Ledger(hub)
  expect(await ledger.createRepo(repo)).toBe(true)
})
afterAll(() => hub.stop())

/** Writes one thing that no other call writes. */
type Writer = (n: number) => Promise<void>

const regularFile: Writer = n => ledger.addRegularFile(repo, 'main', `regular/${n}.txt`, randomContent(200))

const lfsFile: Writer = n =>
  ledger.addLfsFile(repo, 'main', `lfs/${n}.bin`, randomContent(300_000 + 4 * Math.floor(random() * 750_000)))

/** Real clients, each from a machine of its own: a failure of theirs is nothing, a success is a promise. */
const xetFiles: Writer = async n => {
  const machine = await newMachine(hub.url, hub.token)
  const notes = join(machine.home, 'notes')
  const wanted = { repos: [repo], prefix: `xet/${n}`, seed: randomUUID(), count: 3, notes }
  await machine.python('xet_uploads', wanted).catch(() => {})
  await ledger.addNoted(notes)
}

const gitPush: Writer = async n => {
  const machine = await newMachine(hub.url, hub.token)
  const clone = join(machine.home, 'clone')
  await mkdir(clone)
  const git = (...args: string[]) => machine.attempt('git', args, { cwd: clone })
  await git('init', '-q')
  const content = randomContent(1000)
  await writeFile(join(clone, 'by-git.bin'), content)
  await git('add', 'by-git.bin')
  await git('commit', '-qm', 'by git')
  // A branch of its own: the API moves main faster than a clone can be pushed back.
  const address = hub.url.replace('//', `//ada:${hub.token}@`)
  const pushed = await git('push', '-q', `${address}/${repo}`, `HEAD:git-${n}`)
  if (pushed.code !== 0) return
  ledger.promised.push({
    kind: 'git',
    repo,
    revision: `git-${n}`,
    path: 'by-git.bin',
    sha256: sha256Of(content),
  })
}

it(`keeps what it has acknowledged through ${rounds} deaths and ${writes} writes (seed ${seed})`, {
  timeout: 120_000 + rounds * 20_000 + writes * 1000,
}, async () => {
  let isOver = false
  const keepWriting = async (write: Writer, first: number) => {
    for (let n = first; !isOver; n += 10) await write(n)
  }
  const writers = [regularFile, regularFile, regularFile, lfsFile, lfsFile, xetFiles, gitPush].map(
    keepWriting,
  )
  for (let deaths = 0; deaths < rounds || ledger.promised.length < writes; deaths++) {
    await sleep(500 + random() * 4000)
    await hub.kill()
    await hub.start()
  }
  isOver = true
  await Promise.all(writers)

  ledger.expectSomeOfEach()
  await ledger.expectKept(repo)
  expect(await hub.runCli(['fsck', '--deep'])).toContain('Everything is whole')
})
