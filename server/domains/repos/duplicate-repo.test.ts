import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TestHub } from '../../hub-for-test.suite.ts'
import { collectGarbage, uploadLfs } from './lfs-for-test.suite.ts'
import { moveRef } from './store.ts'

let hub: TestHub
let alice: ReturnType<TestHub['as']>
let bob: ReturnType<TestHub['as']>
let nobody: ReturnType<TestHub['as']>
let number = 0

beforeAll(async () => {
  hub = await TestHub.open()
  const { accounts } = hub.hub
  for (const name of ['alice', 'bob']) {
    await accounts.addUser({ name, token: { value: `hf_${name}`, name: 'test', role: 'write' } })
  }
  await accounts.addOrganization({ name: 'lab', members: [{ user: 'bob', role: 'read' }] })
  alice = hub.as('hf_alice')
  bob = hub.as('hf_bob')
  nobody = hub.as()
})
afterAll(() => hub.close())

/** Of alice, with regular and large files, a branch, both kinds of tag, and a pull request's ref. */
async function newSource(options: { private?: boolean } = {}): Promise<string> {
  const repo = `alice/d${++number}`
  await alice.post('/api/repos/create', { name: repo, ...options })
  const large = await uploadLfs(alice, repo, `weights of ${repo}`)
  await alice.commit(repo, { 'README.md': '---\nlicense: mit\n---\n', 'deep/w.bin': large })
  await alice.post(`/api/models/${repo}/branch/side%2Fone`, {})
  await alice.commit(repo, { 'side.txt': 'side' }, { branch: 'side/one' })
  await alice.post(`/api/models/${repo}/tag/main`, { tag: 'light' })
  await alice.post(`/api/models/${repo}/tag/main`, { tag: 'annotated', message: 'first' })
  const { id } = await hub.hub.repos.find('model', 'alice', repo.slice(6))
  const oid = (await alice.get(`/api/models/${repo}`)).json().sha
  await hub.hub.database.transaction(tx =>
    moveRef(tx, id, 'refs/pr/1', undefined, { oid, commitId: oid }, Date.now()),
  )
  return repo
}

const duplicate = (from: string, repository: string, more: object = {}, as = alice) =>
  as.post(`/api/models/${from}/duplicate`, { repository, ...more })
const refsOf = async (repo: string, as = alice) =>
  (await as.get(`/api/models/${repo}/refs?include_prs=1`)).json()

describe('a duplicate', () => {
  it('has branches, tags, history and files, but no pull requests', async () => {
    const from = await newSource()
    const made = await duplicate(from, 'bob/copy', {}, bob)
    expect(made.status).toBe(200)
    expect(made.json()).toMatchObject({
      url: 'http://hub.test/bob/copy',
      name: 'bob/copy',
      filesCopyPending: false,
    })
    const { pullRequests, ...refs } = await refsOf(from)
    expect(pullRequests).toHaveLength(1)
    expect(await refsOf('bob/copy')).toEqual({ ...refs, pullRequests: [] })
    const commits = async (repo: string) =>
      (await nobody.get(`/api/models/${repo}/commits/side%2Fone`)).json()
    expect(await commits('bob/copy')).toEqual(await commits(from))
    expect((await nobody.get('/bob/copy/resolve/light/deep/w.bin')).text).toBe(`weights of ${from}`)
    const info = (await nobody.get('/api/models/bob/copy')).json()
    expect(info).toMatchObject({
      id: 'bob/copy',
      author: 'bob',
      private: false,
      cardData: { license: 'mit' },
    })
    expect(info._id).not.toBe((await nobody.get(`/api/models/${from}`)).json()._id)
    expect((await nobody.get('/api/models?author=bob')).json()).toHaveLength(1)
  })

  it('lives on when its source is deleted and collected, and goes alone', async () => {
    const from = await newSource()
    const to = `${from}-kept`
    await duplicate(from, to)
    await alice.delete('/api/repos/delete', { name: from })
    await collectGarbage(hub)
    const read = async (path: string) => (await nobody.get(`/${to}/resolve/side%2Fone/${path}`)).text
    expect([await read('deep/w.bin'), await read('side.txt')]).toEqual([`weights of ${from}`, 'side'])
    const second = `${from}-second`
    await duplicate(to, second)
    await alice.delete('/api/repos/delete', { name: second })
    await collectGarbage(hub)
    expect([await read('deep/w.bin'), await read('side.txt')]).toEqual([`weights of ${from}`, 'side'])
    await alice.delete('/api/repos/delete', { name: to })
    await collectGarbage(hub)
    for await (const { key } of hub.hub.objects.list('repos/')) expect(key).not.toContain('kept')
  })

  it('goes its own way', async () => {
    const from = await newSource()
    const to = `${from}-own`
    await duplicate(from, to)
    expect((await alice.commit(to, { 'deep/w.bin': null, 'README.md': 'mine' })).status).toBe(200)
    await alice.commit(from, { 'README.md': 'theirs' })
    expect((await nobody.get(`/${from}/resolve/main/deep/w.bin`)).text).toBe(`weights of ${from}`)
    expect((await nobody.get(`/${from}/resolve/main/README.md`)).text).toBe('theirs')
    expect((await nobody.get(`/${to}/resolve/main/README.md`)).text).toBe('mine')
    expect((await nobody.get(`/${to}/resolve/main/deep/w.bin`)).status).toBe(404)
  })

  it.each([
    [false, {}, false],
    [true, {}, true],
    [true, { visibility: 'public' }, false],
    [false, { visibility: 'private' }, true],
    [false, { private: true }, true],
  ])(
    'of a repository whose being private is %s, asked for %o, is private: %s',
    async (isPrivate, asked, is) => {
      const from = await newSource({ private: isPrivate })
      await duplicate(from, `${from}-v`, asked)
      expect((await alice.get(`/api/models/${from}-v`)).json().private).toBe(is)
      expect((await nobody.get(`/api/models/${from}-v`)).status).toBe(is ? 401 : 200)
    },
  )

  it('stands behind a gate as its source does', async () => {
    const from = await newSource()
    await alice.put(`/api/models/${from}/settings`, { gated: 'manual' })
    expect((await duplicate(from, 'bob/gated', {}, bob)).status).toBe(403)
    await duplicate(from, `${from}-gated`)
    expect((await nobody.get(`/api/models/${from}-gated`)).json().gated).toBe('manual')
    expect((await bob.get(`/${from}-gated/resolve/main/README.md`)).status).toBe(403)
  })

  it('of a repository that is led to is one of where it is', async () => {
    const from = await newSource()
    await alice.post('/api/repos/move', { fromRepo: from, toRepo: `${from}-moved` })
    const led = await duplicate(from, `${from}-x`)
    expect([led.status, led.headers.location]).toEqual([307, `/api/models/${from}-moved/duplicate`])
  })
})

describe('duplicating', () => {
  it('says what exists', async () => {
    const from = await newSource()
    const refused = await duplicate(from, from)
    expect(refused.status).toBe(409)
    expect(refused.json().url).toBe(`http://hub.test/${from}`)
    const both = await Promise.all([duplicate(from, `${from}-2`), duplicate(from, `${from}-2`)])
    expect(both.map(answer => answer.status).sort()).toEqual([200, 409])
    expect(both.map(answer => answer.json().url)).toEqual(Array(2).fill(`http://hub.test/${from}-2`))
  })

  it('takes reading there and creating here', async () => {
    const from = await newSource()
    const hidden = await newSource({ private: true })
    const status = async (answer: ReturnType<typeof duplicate>) => (await answer).status
    expect(await status(duplicate(from, 'bob/x', {}, nobody))).toBe(401)
    expect(await status(duplicate(from, 'alice/x', {}, bob))).toBe(403)
    expect(await status(duplicate(from, 'lab/x', {}, bob))).toBe(403)
    expect(await status(duplicate(hidden, 'bob/x', {}, bob))).toBe(404)
    expect(await status(duplicate(from, 'nobody-there/x', {}, bob))).toBe(404)
    expect(await status(duplicate(from, 'bob/.git', {}, bob))).toBe(400)
    expect(await status(duplicate(from, 'bob/x', { visibility: 'protected' }, bob))).toBe(400)
  })
})
