import { afterAll, beforeAll, expect, it } from 'vitest'
import { TestHub } from '../../hub-for-test.suite.ts'

let hub: TestHub
let alice: ReturnType<TestHub['as']>
let number = 0

beforeAll(async () => {
  hub = await TestHub.open()
  await hub.hub.accounts.addUser({ name: 'alice', token: { value: 'hf_alice', name: 't', role: 'write' } })
  alice = hub.as('hf_alice')
})
afterAll(() => hub.close())

async function newRepo(): Promise<string> {
  const repo = `alice/s${++number}`
  await alice.post('/api/repos/create', { name: repo })
  for (const text of ['one', 'two', 'three']) await alice.commit(repo, { 'a/b.txt': text })
  await alice.post(`/api/models/${repo}/branch/v1%2F0`, {})
  await alice.post(`/api/models/${repo}/tag/main`, { tag: 't' })
  return repo
}

type Line = { id: string; title: string; message: string; authors: { user: string }[] }
const history = async (repo: string, revision: string): Promise<Line[]> =>
  (await alice.get(`/api/models/${repo}/commits/${encodeURIComponent(revision)}`)).json()
const treeOf = async (repo: string, revision: string) =>
  (await alice.get(`/api/models/${repo}/tree/${encodeURIComponent(revision)}?recursive=1`)).json()

it('makes one commit of a branch, of the same tree, and leaves branches, tags and names alone', async () => {
  const repo = await newRepo()
  const [before, tree] = [await history(repo, 'main'), await treeOf(repo, 'main')]
  const done = await alice.post(`/api/models/${repo}/super-squash/main`, { message: 'All of it\n\nwhy so' })
  expect(done.status).toBe(200)
  expect(await history(repo, 'main')).toMatchObject([
    { title: 'All of it', message: 'why so', authors: [{ user: 'alice' }] },
  ])
  expect(await treeOf(repo, 'main')).toEqual(tree)
  expect(await history(repo, 'v1/0')).toEqual(before)
  expect(await history(repo, 't')).toEqual(before)
  await alice.post(`/api/models/${repo}/super-squash/v1%2F0`, { message: 'Branch' })
  expect((await history(repo, 'v1/0')).map(commit => commit.title)).toEqual(['Branch'])
  // What comes next stands on it.
  await alice.commit(repo, { 'a/b.txt': 'four' })
  expect((await history(repo, 'main')).map(commit => commit.title)).toEqual(['Change', 'All of it'])
})

it('refuses what is no branch', async () => {
  const repo = await newRepo()
  const squash = (revision: string, message: unknown = 'm') =>
    alice.post(`/api/models/${repo}/super-squash/${encodeURIComponent(revision)}`, { message })
  const [head] = await history(repo, 'main')
  for (const revision of ['absent', 't', 'refs/tags/t', 'refs/pr/1', 'HEAD', head?.id ?? '']) {
    expect([revision, (await squash(revision)).headers['x-error-code']]).toEqual([
      revision,
      'RevisionNotFound',
    ])
  }
  expect((await squash('main', '')).status).toBe(400)
  expect(await history(repo, 'main')).toHaveLength(4)
})

it('takes in a commit that is made at the same time, or comes before it', async () => {
  const repo = await newRepo()
  const [squashed, committed] = await Promise.all([
    alice.post(`/api/models/${repo}/super-squash/main`, { message: 'Squashed' }),
    alice.commit(repo, { 'new.txt': 'new' }),
  ])
  expect([squashed.status, committed.status]).toEqual([200, 200])
  expect((await alice.get(`/${repo}/resolve/main/new.txt`)).text).toBe('new')
  const titles = (await history(repo, 'main')).map(commit => commit.title)
  expect([['Squashed'], ['Change', 'Squashed']]).toContainEqual(titles)
})
