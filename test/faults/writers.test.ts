import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Machine, newMachine } from '../clients/run.ts'
import { type Hub, startHub } from '../hub.ts'
import { Ledger } from './ledger.ts'

/** Many writers at once, on one branch and on many, by the API and by git: who was told that it is done, is in the history. */

// Many real programs at once; a busy machine may take long over them.
vi.setConfig({ testTimeout: 120_000 })

let hub: Hub
let ledger: Ledger
let machine: Machine
let repo: string
let serial = 0
beforeAll(async () => {
  hub = await startHub()
  ledger = new Ledger(hub)
  machine = await newMachine(hub.url, hub.token)
})
afterAll(() => hub.stop())
beforeEach(async () => {
  repo = `ada/contended-${serial++}`
  expect(await ledger.createRepo(repo)).toBe(true)
})

const address = () => `${hub.url.replace('//', `//ada:${hub.token}@`)}/${repo}`
const git = (clone: string, ...args: string[]) => machine.run('git', ['-C', clone, ...args])

async function newClone(): Promise<string> {
  const clone = join(machine.home, `clone-${serial++}`)
  await machine.run('git', ['clone', '-q', address(), clone])
  return clone
}

async function commitIn(clone: string, path: string): Promise<string> {
  await writeFile(join(clone, path), path)
  await git(clone, 'add', path)
  await git(clone, 'commit', '-qm', path)
  return (await git(clone, 'rev-parse', 'HEAD')).trim()
}

async function headOf(branch: string): Promise<string> {
  const answer = await ledger.ask('GET', `/api/models/${repo}/revision/${branch}`)
  if (!answer?.ok) throw new Error(`no head of ${branch}: ${answer?.status}`)
  const { sha } = (await answer.json()) as { sha: string }
  return sha
}

const file = (path: string) => ({ key: 'file', value: { path, content: path, encoding: 'utf-8' } })

/** Every commit behind each branch, and every path at its head, as git sees them. */
async function histories(branches: readonly string[]): Promise<{ commits: string[]; paths: string[] }[]> {
  const clone = await newClone()
  await git(clone, 'fsck', '--full', '--strict')
  const found = []
  for (const branch of branches) {
    const commits = await git(clone, 'rev-list', `origin/${branch}`)
    const paths = await git(clone, 'ls-tree', '-r', '--name-only', `origin/${branch}`)
    found.push({ commits: commits.trim().split('\n'), paths: paths.trim().split('\n') })
  }
  return found
}

/** A writer that has looked at main, and now writes `path` on top of what it saw. Resolves to how that went. */
type Writer = (path: string) => Promise<() => Promise<'won' | 'lost'>>

const byApi: Writer = async path => {
  const parent = await headOf('main')
  return async () => {
    const status = await ledger.commit(repo, 'main', [file(path)], parent)
    expect([200, 412]).toContain(status)
    return status === 200 ? 'won' : 'lost'
  }
}

const byGit: Writer = async path => {
  const clone = await newClone()
  await commitIn(clone, path)
  return async () => {
    const { code, stderr } = await machine.attempt('git', ['-C', clone, 'push', 'origin', 'HEAD:main'])
    // Either git saw the other's commit in the list of refs, or the hub had to tell it.
    if (code !== 0) expect(stderr).toMatch(/\[(remote )?rejected\].*fetch first/)
    return code === 0 ? 'won' : 'lost'
  }
}

describe('two writers that saw the same head', () => {
  it.each([
    ['API and API', byApi, byApi, 5],
    ['API and git', byApi, byGit, 3],
    ['git and git', byGit, byGit, 3],
  ])('%s: one wins, the other is told', async (_, one, other, rounds) => {
    for (let round = 0; round < rounds; round++) {
      const paths = [`one-${round}`, `other-${round}`]
      const ready = [await one(paths[0] as string), await other(paths[1] as string)]
      const outcomes = await Promise.all(ready.map(write => write()))
      expect([...outcomes].sort()).toEqual(['lost', 'won'])
      const [main] = await histories(['main'])
      expect(main?.paths).toContain(paths[outcomes.indexOf('won')])
      expect(main?.paths).not.toContain(paths[outcomes.indexOf('lost')])
    }
  })
})

describe('fifty committers', () => {
  it('on fifty branches all land', async () => {
    const clone = await newClone()
    const pushes: (() => Promise<unknown>)[] = []
    for (let n = 0; n < 25; n++) {
      const commitId = await commitIn(clone, `by-git-${n}`)
      const refs = [`${commitId}:refs/heads/branch-git-${n}`]
      pushes.push(() => machine.run('git', ['-C', clone, 'push', '-q', address(), ...refs]))
    }
    const commits = Array.from({ length: 25 }, (_, n) => async () => {
      const branch = `branch-api-${n}`
      expect((await ledger.ask('POST', `/api/models/${repo}/branch/${branch}`, '{}'))?.status).toBe(201)
      expect(await ledger.commit(repo, branch, [file(`by-api-${n}`)])).toBe(200)
    })
    await Promise.all([...pushes, ...commits].map(write => write()))
    const names = Array.from({ length: 25 }, (_, n) => [`api-${n}`, `git-${n}`]).flat()
    const found = await histories(names.map(name => `branch-${name}`))
    for (const [at, name] of names.entries()) expect(found[at]?.paths).toContain(`by-${name}`)
  })

  it('on one branch land one after the other, when they try again', async () => {
    const acknowledged: string[] = []
    /** Builds upon whatever is there. */
    const blindly = async (path: string) => {
      for (;;) {
        const status = await ledger.commit(repo, 'main', [file(path)])
        if (status === 200) return
        expect(status).toBe(412)
      }
    }
    const carefully = async (path: string) => {
      for (;;) if ((await (await byApi(path))()) === 'won') return
    }
    const withGit = async (path: string) => {
      const clone = await newClone()
      await commitIn(clone, path)
      for (;;) {
        const pushed = await machine.attempt('git', ['-C', clone, 'push', '-q', 'origin', 'HEAD:main'])
        if (pushed.code === 0) {
          acknowledged.push((await git(clone, 'rev-parse', 'HEAD')).trim())
          return
        }
        expect(pushed.stderr).toMatch(/fetch first/)
        await git(clone, 'pull', '-q', '--rebase', 'origin', 'main')
      }
    }
    const committers = Array.from({ length: 50 }, (_, n) => {
      const write = n % 20 === 0 ? withGit : n % 2 === 0 ? blindly : carefully
      return write(`by-${n}`)
    })
    await Promise.all(committers)
    const [main] = await histories(['main'])
    // The first commit, and one of each.
    expect(main?.commits).toHaveLength(51)
    expect(main?.commits).toEqual(expect.arrayContaining(acknowledged))
    for (let n = 0; n < 50; n++) expect(main?.paths).toContain(`by-${n}`)
  })
})
