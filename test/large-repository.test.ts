import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { commitBody, createRepo, fileLine, postCommit, untilJobsAreDone } from '../bench/kit/hub-client.ts'
import { GitClient } from './git-client.ts'
import { type Hub, startHub } from './hub.ts'
import { type LargeHistory, makeLargeHistory } from './large-history.ts'
import { peakMemory, residentMemory } from './process-memory.ts'

/**
 * A repository with many files and a long history, over every door that reads it; the hub's memory stays below a bound
 * meanwhile. `BANYAN_LARGE=1` takes the whole size, which needs some minutes, and tells what each step took.
 */
const isWhole = process.env.BANYAN_LARGE === '1'
const size = isWhole ? { files: 50_000, commits: 2000 } : { files: 5000, commits: 200 }
/** What the process may hold at its most, 131 of it when idle. Linux tells it. */
const memoryLimitMiB = isWhole ? 450 : 330
vi.setConfig({ testTimeout: isWhole ? 600_000 : 60_000, hookTimeout: 600_000 })

let folder: string
let hub: Hub
let git: GitClient
let history: LargeHistory
let repo: string
let head: string
/** Path → `mode type oid`, folders too, as `git ls-tree` has them. */
let listed: Map<string, { type: string; oid: string }>

async function step<T>(name: string, work: () => Promise<T>): Promise<T> {
  const started = performance.now()
  const result = await work()
  if (isWhole) {
    const pid = hub.pid()
    const ms = (performance.now() - started).toFixed(0)
    const now = (await residentMemory(pid)).toFixed(0)
    console.log(
      `${ms.padStart(8)} ms ${now.padStart(5)} MiB, peak ${(await peakMemory(pid)).toFixed(0)}  ${name}`,
    )
  }
  return result
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'banyan-large-'))
  git = new GitClient(folder)
  hub = await startHub()
  repo = await createRepo(hub, 'large')
  await git.run('init', '-q', '--bare', 'local.git')
  history = await makeLargeHistory(join(folder, 'local.git'), size)
  head = await git.run('-C', 'local.git', 'rev-parse', 'main')
  const lines = (await git.run('-C', 'local.git', 'ls-tree', '-r', '-t', '-z', 'main')).split('\0')
  listed = new Map(
    lines.filter(Boolean).map(line => {
      const [, type = '', oid = '', path = ''] = /^\d+ (\w+) (\w+)\t(.*)$/s.exec(line) ?? []
      return [path, { type: type === 'tree' ? 'directory' : 'file', oid }]
    }),
  )
  const url = `http://${hub.owner.name}:${hub.token}@127.0.0.1:${hub.port}/${repo}`
  await step('git push of all', () =>
    git.run('-C', 'local.git', 'push', '-q', '--force', url, 'main', 'main:refs/heads/second'),
  )
  await step('jobs', () => untilJobsAreDone(hub))
})

afterAll(async () => {
  await hub?.stop()
  await rm(folder, { recursive: true, force: true })
})

interface Entry {
  path: string
  type: string
  oid: string
  size: number
  lastCommit?: { id: string; title: string; date: string }
}

/** Every page of a list. */
async function pages<T>(path: string): Promise<T[]> {
  const items: T[] = []
  for (let url: string | undefined = hub.url + path; url; ) {
    const answer: Response = await fetch(url)
    if (answer.status !== 200) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`)
    items.push(...((await answer.json()) as T[]))
    url = /^<([^>]+)>; rel="next"$/.exec(answer.headers.get('link') ?? '')?.[1]
  }
  return items
}

async function get(path: string): Promise<Response> {
  const answer = await fetch(hub.url + path)
  if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`)
  return answer
}

const originOf = (path: string) => history.commitOf(history.origins.get(path) as number)

/** What git says of a path, without our help. */
const lastCommitOf = (path: string) =>
  git.run('-C', 'local.git', 'log', '-1', '--format=%H', head, '--', path)

describe('a large repository', () => {
  it('lists all of its files, page by page', async () => {
    const all = await step('tree, recursive, all pages', () =>
      pages<Entry>(`/api/models/${repo}/tree/main?recursive=true`),
    )
    expect(all.map(entry => entry.path)).toEqual([...listed.keys()])
    for (const entry of all) {
      expect(entry).toMatchObject(listed.get(entry.path) as object)
      if (entry.type === 'directory') continue
      expect(entry.size).toBe(`${entry.path} of ${history.origins.get(entry.path)}\n`.length)
    }
    const flat = await step('tree of one folder, all pages', () =>
      pages<Entry>(`/api/models/${repo}/tree/main/flat`),
    )
    expect(flat).toHaveLength(size.files / 5 - 2)
  })

  it('says of every entry of a folder which commit it is from', async () => {
    const at = `/api/models/${repo}/tree/main`
    await step('tree with expand, one folder, first page', () => get(`${at}/flat?expand=true`))
    const flat = await step('tree with expand, one folder, all pages', () =>
      pages<Entry>(`${at}/flat?expand=true`),
    )
    expect(flat).toHaveLength(size.files / 5 - 2)
    for (const { path, lastCommit } of flat) expect([path, lastCommit?.id]).toEqual([path, originOf(path)])
    for (const { path, lastCommit } of [flat[0], flat[50], flat.at(-1)] as Entry[]) {
      expect(lastCommit?.id).toBe(await lastCommitOf(path))
      expect(lastCommit?.title).toBe(`change ${history.origins.get(path)}`)
    }
    const root = await step('tree with expand, root', () => pages<Entry>(`${at}?expand=true`))
    for (const { path, lastCommit } of root) expect(lastCommit?.id).toBe(await lastCommitOf(path))
  })

  it('says so of all that lies below a folder', async () => {
    const all = await step('tree with expand, recursive, all pages', () =>
      pages<Entry>(`/api/models/${repo}/tree/main?recursive=true&expand=true`),
    )
    expect(all).toHaveLength(listed.size)
    for (const { path, type, lastCommit } of all) {
      if (type === 'file') expect([path, lastCommit?.id]).toEqual([path, originOf(path)])
    }
    const folders = all.filter(entry => entry.type === 'directory')
    for (const { path, lastCommit } of [folders[1], folders[2], folders.at(-1)] as Entry[]) {
      expect(lastCommit?.id).toBe(await lastCommitOf(path))
    }
  })

  it('says so of an older commit, and of single paths', async () => {
    const old = await git.run('-C', 'local.git', 'rev-parse', 'main~30')
    const paths = [...history.origins.keys()].filter((_, n) => n % Math.floor(size.files / 20) === 3)
    const answer = await step('paths-info with expand', () =>
      fetch(`${hub.url}/api/models/${repo}/paths-info/${old}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ paths: ['flat', 'data/005', ...paths], expand: true }),
      }),
    )
    const entries = (await answer.json()) as Entry[]
    expect(entries.length).toBeGreaterThan(10)
    for (const { path, lastCommit } of entries) {
      const origin = await git.run('-C', 'local.git', 'log', '-1', '--format=%H', old, '--', path)
      expect([path, lastCommit?.id]).toEqual([path, origin])
    }
  })

  it('tells its history, refs, and info', async () => {
    const commits = await step('commits, all pages', () =>
      pages<{ id: string }>(`/api/models/${repo}/commits/main?limit=1000`),
    )
    const ids = (await git.run('-C', 'local.git', 'rev-list', '--date-order', 'main')).split('\n')
    expect(commits.map(commit => commit.id)).toEqual(ids)
    const last = await step('commits, page 100', () => get(`/api/models/${repo}/commits/main?limit=2&p=50`))
    expect(((await last.json()) as { id: string }[]).map(commit => commit.id)).toEqual(ids.slice(100, 102))
    const refs = await step('refs', async () => (await get(`/api/models/${repo}/refs`)).json())
    expect(refs).toMatchObject({ branches: [{ name: 'main', targetCommit: head }, { name: 'second' }] })
    const info = await step('info', async () => (await get(`/api/models/${repo}`)).json())
    const names = (info as { siblings: { rfilename: string }[] }).siblings.map(file => file.rfilename)
    expect(names).toEqual([...listed].filter(([, { type }]) => type === 'file').map(([path]) => path))
    await step('info again', async () => (await get(`/api/models/${repo}`)).json())
    const blobs = await step('info with blobs', async () =>
      (await get(`/api/models/${repo}?blobs=true`)).json(),
    )
    for (const file of (blobs as { siblings: { rfilename: string; blobId: string }[] }).siblings) {
      expect(file.blobId).toBe(listed.get(file.rfilename)?.oid)
    }
  })

  it('gives single files', async () => {
    for (const path of ['README.md', [...history.origins.keys()][size.files >> 1] as string]) {
      const text = await step(`resolve ${path}`, async () =>
        (await get(`/${repo}/resolve/main/${path}`)).text(),
      )
      expect(text).toBe(`${path} of ${history.origins.get(path)}\n`)
    }
  })

  it('is cloned, committed to, and fetched from', async () => {
    await step('git clone', () => git.run('clone', '-q', '--bare', `${hub.url}/${repo}`, 'clone.git'))
    expect(await git.run('-C', 'clone.git', 'rev-parse', 'main')).toBe(head)
    const path = 'flat/000100.json'
    const advice = await step('preupload', () =>
      fetch(`${hub.url}/api/models/${repo}/preupload/main`, {
        method: 'POST',
        headers: { authorization: `Bearer ${hub.token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ files: [{ path, size: 4, sample: Buffer.from('new\n').toString('base64') }] }),
      }),
    )
    expect(await advice.json()).toMatchObject({
      files: [{ uploadMode: 'regular', oid: listed.get(path)?.oid }],
    })
    const change = (n: number) =>
      postCommit(hub, repo, commitBody(`Change ${n}`, [fileLine({ path, content: Buffer.from(`${n}\n`) })]))
    await step('commit of one file', () => change(0))
    const again = await step('tree with expand after a commit, first page', async () =>
      (await get(`/api/models/${repo}/tree/main/flat?expand=true`)).json(),
    )
    const titles = (again as Entry[]).map(entry => [entry.path, entry.lastCommit?.id])
    await git.run('-C', 'clone.git', 'fetch', '-q', 'origin', '+main:main')
    expect(titles).toContainEqual(['flat/000002.json', originOf('flat/000002.json')])
    // Each makes a pack; more than fifty are made one.
    await step('60 commits', async () => {
      for (let n = 1; n <= 60; n++) await change(n)
    })
    await step('consolidation of packs', () => untilJobsAreDone(hub))
    await step('git fetch', () => git.run('-C', 'clone.git', 'fetch', '-q', 'origin', '+main:main'))
    const tip = await git.run('-C', 'clone.git', 'rev-parse', 'main')
    const [entry] = (await (
      await fetch(`${hub.url}/api/models/${repo}/paths-info/main`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ paths: [path], expand: true }),
      })
    ).json()) as Entry[]
    expect(entry?.lastCommit).toMatchObject({ id: tip, title: 'Change 60' })
    expect(await git.run('-C', 'clone.git', 'show', `main:${path}`)).toBe('60')
    await git.run('-C', 'clone.git', 'fsck', '--connectivity-only')
  })

  it('has taken a bounded memory all the while', async () => {
    if (process.platform !== 'linux') return
    expect(await peakMemory(hub.pid())).toBeLessThan(memoryLimitMiB)
  })
})
