import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type GitClient, newGitClient } from '../../../test/git-client.ts'
import { encodeLfsPointer } from '../../formats/lfs-pointer.ts'
import { TestHub } from '../../hub-for-test.suite.ts'
import { collectGarbage, jobsDone, uploadLfs } from './lfs-for-test.suite.ts'
import { moveRef } from './store.ts'

let hub: TestHub
let url: string
let folder: string
let git: GitClient
let alice: ReturnType<TestHub['as']>
let bob: ReturnType<TestHub['as']>
let nobody: ReturnType<TestHub['as']>
let number = 0

beforeAll(async () => {
  hub = await TestHub.open()
  url = await hub.listen()
  folder = await mkdtemp(join(tmpdir(), 'banyan-lfs-files-'))
  git = await newGitClient({ folder })
  for (const name of ['alice', 'bob']) {
    await hub.hub.accounts.addUser({ name, token: { value: `hf_${name}`, name: 'test', role: 'write' } })
  }
  alice = hub.as('hf_alice')
  bob = hub.as('hf_bob')
  nobody = hub.as()
})
afterAll(async () => {
  await hub.close()
  await rm(folder, { recursive: true })
})

async function newRepo(options: { private?: boolean } = {}, asker = alice, owner = 'alice'): Promise<string> {
  const repo = `${owner}/l${++number}`
  expect((await asker.post('/api/repos/create', { name: repo, ...options })).status).toBe(200)
  return repo
}
const urlOf = (repo: string) => `${url.replace('://', '://alice:hf_alice@')}/${repo}`

interface Listed {
  fileOid: string
  filename: string
  oid: string
  pushedAt: string
  ref: string | null
  size: number
}
const lfsFiles = async (repo: string): Promise<Listed[]> =>
  (await alice.get(`/api/models/${repo}/lfs-files`)).json()
const filesAt = async (repo: string, revision: string): Promise<string[]> =>
  (await alice.get(`/api/models/${repo}/tree/${encodeURIComponent(revision)}?recursive=1`))
    .json()
    .filter((entry: { type: string }) => entry.type === 'file')
    .map((entry: { path: string }) => entry.path)
const deleteFiles = async (repo: string, sha: string[], rewriteHistory = true) => {
  const done = await alice.post(`/api/models/${repo}/lfs-files/batch`, { deletions: { sha, rewriteHistory } })
  await jobsDone(hub)
  return done.status
}
const titles = async (repo: string, revision: string): Promise<string[]> =>
  (await alice.get(`/api/models/${repo}/commits/${encodeURIComponent(revision)}`))
    .json()
    .map((commit: { title: string }) => commit.title)

describe('the list of LFS files', () => {
  it('tells name, size, time and ref of what was committed, in history too', async () => {
    const repo = await newRepo()
    const [first, second] = [await uploadLfs(alice, repo, 'first'), await uploadLfs(alice, repo, 'second')]
    const late = await uploadLfs(alice, repo, 'on a branch')
    await uploadLfs(alice, repo, 'never committed')
    const before = Date.now()
    await alice.commit(repo, { 'deep/w.bin': first, 'copy.bin': first, 'a.txt': 'text' })
    await alice.commit(repo, { 'deep/w.bin': second })
    await alice.post(`/api/models/${repo}/branch/side`, {})
    await alice.commit(repo, { 'branch.bin': late, 'again.bin': second }, { branch: 'side' })
    const listed = await lfsFiles(repo)
    const shown = listed.map(({ filename, oid, fileOid, ref, size }) => [filename, oid, fileOid, ref, size])
    expect(shown.sort()).toEqual([
      ['branch.bin', late.sha256, late.sha256, 'refs/heads/side', 11],
      ['deep/w.bin', second.sha256, second.sha256, 'refs/heads/main', 6],
      ['deep/w.bin', first.sha256, first.sha256, 'refs/heads/main', 5],
    ])
    for (const { pushedAt } of listed) expect(Date.parse(pushedAt)).toBeGreaterThanOrEqual(before)
  })

  it('comes in pages', async () => {
    const repo = await newRepo()
    const files = []
    for (let at = 0; at < 5; at++) files.push(await uploadLfs(alice, repo, `${repo} ${at}`))
    await alice.commit(repo, Object.fromEntries(files.map((file, at) => [`${at}.bin`, file])))
    const found: string[] = []
    let pages = 0
    for (let next: string | undefined = `/api/models/${repo}/lfs-files?limit=2`; next; pages++) {
      const page = await alice.get(next)
      found.push(...page.json().map((file: Listed) => file.filename))
      next = /<http:\/\/hub\.test([^>]+)>; rel="next"/.exec(page.headers.link ?? '')?.[1]
    }
    expect([pages, found.sort()]).toEqual([3, ['0.bin', '1.bin', '2.bin', '3.bin', '4.bin']])
    expect((await alice.get(`/api/models/${repo}/lfs-files?cursor=x`)).status).toBe(400)
  })

  it('knows the names of what git has pushed, and goes with a duplicate', async () => {
    const repo = await newRepo()
    const file = await uploadLfs(alice, repo, `pushed to ${repo}`)
    await git.run('clone', '-q', urlOf(repo), repo)
    await git.commit(repo, { 'in/git.bin': encodeLfsPointer(file) })
    await git.run('-C', repo, 'push', '-q', 'origin', 'main:refs/heads/work')
    const expected = [{ filename: 'in/git.bin', oid: file.sha256, ref: 'refs/heads/work', size: file.size }]
    expect(await lfsFiles(repo)).toMatchObject(expected)
    await alice.post(`/api/models/${repo}/duplicate`, { repository: `${repo}-copy` })
    expect(await lfsFiles(`${repo}-copy`)).toMatchObject(expected)
  })
})

describe('deleting LFS files for good', () => {
  it('takes them out of every commit of branches, tags and pull requests, and leaves all else', async () => {
    const repo = await newRepo()
    const [bad, good] = [await uploadLfs(alice, repo, 'bad'), await uploadLfs(alice, repo, 'good')]
    await alice.commit(repo, { 'a.txt': 'before' })
    await alice.post(`/api/models/${repo}/branch/early`, {})
    await alice.commit(repo, { 'only/bad.bin': bad, 'with/bad.bin': bad, 'with/good.bin': good })
    await alice.post(`/api/models/${repo}/tag/main`, { tag: 'annotated', message: 'has bad' })
    await alice.post(`/api/models/${repo}/tag/main`, { tag: 'light' })
    await alice.post(`/api/models/${repo}/branch/side`, {})
    await alice.commit(repo, { 'side.txt': 'side', 'more.bin': bad }, { branch: 'side' })
    await alice.commit(repo, { 'only/bad.bin': null, 'a.txt': 'after' })
    // A pointer that another program has written otherwise is one too; so is what a merge brings.
    await git.run('clone', '-q', urlOf(repo), repo)
    const odd = Buffer.from(encodeLfsPointer(bad)).toString().replaceAll('\n', '\r\n')
    await git.run('-C', repo, 'merge', '-q', '-m', 'merged', 'origin/side')
    await git.commit(repo, { 'odd.bin': odd }, 'odd')
    await git.run('-C', repo, 'push', '-q')
    const { id } = await hub.hub.repos.find('model', 'alice', repo.slice(6))
    const oid = (await alice.get(`/api/models/${repo}/revision/side`)).json().sha
    await hub.hub.database.transaction(tx =>
      moveRef(tx, id, 'refs/pr/1', undefined, { oid, commitId: oid }, Date.now()),
    )
    const refs = async () => (await alice.get(`/api/models/${repo}/refs?include_prs=1`)).json()
    const [refsBefore, titlesBefore] = [await refs(), await titles(repo, 'main')]
    expect(await filesAt(repo, 'main')).toContain('odd.bin')
    const oldHead = (await alice.get(`/api/models/${repo}`)).json().sha

    expect(await deleteFiles(repo, [bad.sha256])).toBe(200)

    const after = await refs()
    const early = (all: { branches: { name: string }[] }) => all.branches.find(ref => ref.name === 'early')
    expect(early(after)).toEqual(early(refsBefore))
    expect(await titles(repo, 'main')).toEqual(titlesBefore)
    const left = ['.gitattributes', 'a.txt', 'side.txt', 'with/good.bin']
    expect(await filesAt(repo, 'main')).toEqual(left)
    expect(await filesAt(repo, 'side')).toEqual(left)
    expect(await filesAt(repo, 'refs/pr/1')).toEqual(left)
    expect(await filesAt(repo, 'annotated')).toEqual(['.gitattributes', 'a.txt', 'with/good.bin'])
    expect((await nobody.get(`/${repo}/resolve/main/a.txt`)).text).toBe('after')
    expect((await nobody.get(`/${repo}/resolve/light/with/good.bin`)).text).toBe('good')
    const gone = await nobody.get(`/${repo}/resolve/main/with/bad.bin`)
    expect([gone.status, gone.headers['x-error-code']]).toEqual([404, 'EntryNotFound'])
    expect((await lfsFiles(repo)).map(file => file.oid)).toEqual([good.sha256])
    expect((await nobody.get(`/${repo}/resolve/${oldHead}/with/bad.bin`)).status).not.toBe(200)

    // Git agrees that it is a history, and has the pointer nowhere.
    await git.run('clone', '-q', '--mirror', urlOf(repo), `${repo}.mirror`)
    expect(await git.run('-C', `${repo}.mirror`, 'fsck', '--strict', '--full')).toBe('')
    expect(await git.run('-C', `${repo}.mirror`, 'log', '--all', '--format=%s', '-S', bad.sha256)).toBe('')
    expect(
      await git.run('-C', `${repo}.mirror`, 'for-each-ref', '--format=%(contents)', 'refs/tags/annotated'),
    ).toBe('has bad')
    // The old history does not come back by an old clone.
    const { code, stderr } = await git.attempt('-C', repo, 'push', '--force')
    expect([code, stderr]).toEqual([1, expect.stringContaining('was not uploaded')])
    const { findings } = await fsck()
    expect(findings).toEqual([])
  })

  it('lets the content go, but not from other repositories', async () => {
    const [repo, other] = [await newRepo(), await newRepo()]
    const [shared, alone] = [await uploadLfs(alice, repo, 'shared'), await uploadLfs(alice, repo, 'alone')]
    await alice.commit(repo, { 'shared.bin': shared, 'alone.bin': alone })
    await uploadLfs(alice, other, 'shared')
    await alice.commit(other, { 'mine.bin': shared })
    await deleteFiles(repo, [shared.sha256, alone.sha256])
    await collectGarbage(hub)
    expect(await filesAt(repo, 'main')).toEqual(['.gitattributes'])
    expect((await nobody.get(`/${other}/resolve/main/mine.bin`)).text).toBe('shared')
    const batch = { operation: 'upload', objects: [{ oid: alone.sha256, size: alone.size }] }
    const asked = await alice.post(`/${repo}.git/info/lfs/objects/batch`, batch)
    expect(asked.json().objects[0].actions.upload).toBeDefined()
    // Whoever wants it back uploads it.
    await alice.commit(repo, { 'alone.bin': await uploadLfs(alice, repo, 'alone') })
    expect((await nobody.get(`/${repo}/resolve/main/alone.bin`)).text).toBe('alone')
  })

  it('leaves history alone when asked to; the files have no content then', async () => {
    const repo = await newRepo()
    const file = await uploadLfs(alice, repo, `content of ${repo}`)
    await alice.commit(repo, { 'w.bin': file })
    const head = (await alice.get(`/api/models/${repo}`)).json().sha
    await deleteFiles(repo, [file.sha256], false)
    expect((await alice.get(`/api/models/${repo}`)).json().sha).toBe(head)
    expect(await filesAt(repo, 'main')).toEqual(['.gitattributes', 'w.bin'])
    expect((await nobody.get(`/${repo}/resolve/main/w.bin`)).status).toBe(422)
    expect(await lfsFiles(repo)).toEqual([])
    // And may be taken out later.
    await deleteFiles(repo, [file.sha256])
    expect(await filesAt(repo, 'main')).toEqual(['.gitattributes'])
  })

  it('passes over what it does not know, and refuses what is no id', async () => {
    const repo = await newRepo()
    expect(await deleteFiles(repo, ['0'.repeat(64)])).toBe(200)
    expect(await deleteFiles(repo, [])).toBe(200)
    expect(await deleteFiles(repo, ['x'])).toBe(400)
    expect(await deleteFiles(repo, Array(1001).fill('0'.repeat(64)))).toBe(400)
  })

  it('while commits go on, loses none of them', async () => {
    const repo = await newRepo()
    const file = await uploadLfs(alice, repo, `content of ${repo}`)
    await alice.commit(repo, { 'w.bin': file })
    for (let at = 0; at < 20; at++) await alice.commit(repo, { 'log.txt': `${at}` })
    const body = { deletions: { sha: [file.sha256], rewriteHistory: true } }
    const commits = async () => {
      for (let at = 0; at < 10; at++) await alice.commit(repo, { [`${at}.txt`]: `${at}` })
    }
    await Promise.all([alice.post(`/api/models/${repo}/lfs-files/batch`, body), commits()])
    await jobsDone(hub)
    expect((await titles(repo, 'main')).length).toBe(32)
    const numbered = Array.from({ length: 10 }, (_, at) => `${at}.txt`)
    expect(await filesAt(repo, 'main')).toEqual(['.gitattributes', ...numbered, 'log.txt'])
  })
})

async function fsck() {
  const findings: unknown[] = []
  await hub.hub.repos.check({ deep: true, damaged: new Map() as never }, {
    progress: () => {},
    finding: (found: { severity: string }) => {
      if (found.severity === 'error') findings.push(found)
    },
  } as never)
  return { findings }
}

describe('giving LFS files to another repository', () => {
  const share = (from: string, to: string, files: object[], as = alice) =>
    as.post(`/api/models/${from}/lfs-files/duplicate`, { target: { type: 'model', name: to }, files })
  const named = async (repo: string, path: string, as = alice) => {
    const [entry] = (await as.post(`/api/models/${repo}/paths-info/main`, { paths: [path] })).json()
    return { xetHash: entry.xetHash, sha256: entry.lfs.oid, filename: path }
  }

  it('lets it commit them without an upload, and keep them when the source is gone', async () => {
    const from = await newRepo()
    const to = await newRepo({ private: true }, bob, 'bob')
    const file = await uploadLfs(alice, from, `content of ${from}`)
    await alice.commit(from, { 'w.bin': file })
    expect((await bob.commit(to, { 'mine.bin': file })).status).toBe(422)
    const shared = await share(from, to, [await named(from, 'w.bin', bob)], bob)
    expect([shared.status, shared.json()]).toEqual([200, { failed: [] }])
    expect((await bob.commit(to, { 'mine.bin': file })).status).toBe(200)
    await alice.delete('/api/repos/delete', { name: from })
    await collectGarbage(hub)
    expect((await bob.get(`/${to}/resolve/main/mine.bin`)).text).toBe(`content of ${from}`)
  })

  it('names those that the source has not: unknown, under another hash, or in no commit', async () => {
    const [from, to] = [await newRepo(), await newRepo()]
    const secret = await uploadLfs(alice, from, `not committed in ${from}`)
    const { id } = await hub.hub.repos.find('model', 'alice', from.slice(6))
    const { fileHash } = (await hub.hub.blobs.find(id, secret.sha256))!
    const file = await uploadLfs(alice, from, `committed in ${from}`)
    await alice.commit(from, { 'w.bin': file })
    const good = await named(from, 'w.bin')
    const shared = await share(from, to, [
      good,
      { xetHash: fileHash, sha256: secret.sha256, filename: 'a' },
      { xetHash: fileHash, sha256: '0'.repeat(64), filename: 'b' },
    ])
    const error = 'The source repository has no such file'
    expect(shared.json().failed).toEqual([
      { sha256: secret.sha256, error },
      { sha256: '0'.repeat(64), error },
    ])
    const wrong = await share(from, to, [{ ...good, xetHash: fileHash }])
    expect(wrong.json().failed).toEqual([{ sha256: file.sha256, error }])
  })

  it('takes reading the source and writing the target', async () => {
    const [from, hidden] = [await newRepo(), await newRepo({ private: true })]
    const [to, bobs] = [await newRepo(), await newRepo({ private: true }, bob, 'bob')]
    const status = async (answer: ReturnType<typeof share>) => (await answer).status
    expect(await status(share(from, to, [], nobody))).toBe(401)
    expect(await status(share(from, to, [], bob))).toBe(403)
    expect(await status(share(from, bobs, [], alice))).toBe(404)
    expect(await status(share(hidden, bobs, [], bob))).toBe(404)
    expect(await status(share(from, 'bob/never-there', [], bob))).toBe(404)
    expect(await status(share(hidden, to, [], alice))).toBe(200)
    // An old name of the target is as good.
    await alice.post('/api/repos/move', { fromRepo: to, toRepo: `${to}-moved` })
    expect(await status(share(from, to, [], alice))).toBe(200)
  })
})
