import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TestHub } from '../../hub-for-test.suite.ts'

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
  await accounts.addOrganization({
    name: 'lab',
    members: [
      { user: 'alice', role: 'admin' },
      { user: 'bob', role: 'read' },
    ],
  })
  alice = hub.as('hf_alice')
  bob = hub.as('hf_bob')
  nobody = hub.as()
})
afterAll(() => hub.close())

/** A repository with `a.txt`, and a name that is free. */
async function newRepo(options: { private?: boolean; type?: string } = {}) {
  const name = `r${++number}`
  const created = await alice.post('/api/repos/create', { name, organization: null, ...options })
  expect(created.status).toBe(200)
  if (!options.type) await alice.commit(`alice/${name}`, { 'a.txt': name })
  return { from: `alice/${name}`, to: `alice/${name}-renamed` }
}

const move = (fromRepo: string, toRepo: string, as = alice, type = 'model') =>
  as.post('/api/repos/move', { fromRepo, toRepo, type })

describe('a repository that was moved', () => {
  it('is there under its new name, in lists too, with its id and its files', async () => {
    const { from, to } = await newRepo()
    const before = (await alice.get(`/api/models/${from}`)).json()
    const moved = await move(from, to)
    expect(moved.status).toBe(200)
    expect(moved.json()).toEqual({ url: `http://hub.test/${to}`, id: before._id, name: to })
    const after = (await nobody.get(`/api/models/${to}`)).json()
    expect(after).toMatchObject({ _id: before._id, id: to, sha: before.sha })
    expect((await nobody.get(`/${to}/resolve/main/a.txt`)).text).toBe(from.slice(6))
    const listed = (await nobody.get(`/api/models?author=alice&search=${from.slice(6)}-`)).json()
    expect(listed.map((line: { id: string }) => line.id)).toEqual([to])
  })

  it('is led to from its old name on every door, with path and query as they were', async () => {
    const { from, to } = await newRepo()
    await move(from, to)
    const doors: [string, string, unknown?][] = [
      ['GET', '/api/models/REPO'],
      ['GET', '/api/models/REPO?expand[]=sha&expand[]=tags'],
      ['GET', '/api/models/REPO/tree/main/a%20b?recursive=true'],
      ['GET', '/api/models/REPO/refs'],
      ['GET', '/api/models/REPO/commits/refs%2Fpr%2F1'],
      ['GET', '/api/models/REPO/xet-read-token/main'],
      ['GET', '/api/models/REPO/xet-write-token/main'],
      ['POST', '/api/models/REPO/preupload/main', { files: [] }],
      ['POST', '/api/models/REPO/commit/main', 'x'],
      ['POST', '/api/models/REPO/paths-info/main', { paths: ['a'] }],
      ['PUT', '/api/models/REPO/settings', {}],
      ['GET', '/REPO/resolve/main/a.txt?download=true'],
      ['HEAD', '/REPO/resolve/main/a%2Fb.txt'],
      ['GET', '/REPO/raw/main/a.txt'],
      ['GET', '/REPO.git/info/refs?service=git-upload-pack'],
      ['GET', '/REPO/info/refs?service=git-receive-pack'],
      ['POST', '/REPO.git/git-upload-pack', '0000'],
      ['POST', '/REPO.git/git-receive-pack', '0000'],
      ['POST', '/REPO.git/info/lfs/objects/batch', { operation: 'download', objects: [] }],
      ['GET', '/REPO'],
      ['HEAD', '/REPO'],
      ['GET', '/REPO/blob/main/a.txt?x=1#y'],
    ]
    for (const [method, url, body] of doors) {
      const answer = await alice.send(method as 'GET', url.replace('REPO', from), body)
      expect([url, answer.status, answer.headers.location]).toEqual([
        url,
        307,
        url.replace('REPO', to).replace('#y', ''),
      ])
      expect(answer.headers['www-authenticate']).toBeUndefined()
    }
  })

  it.each(['dataset', 'space'])('is led to from the pages and the API of a %s', async type => {
    const { from, to } = await newRepo({ type })
    expect((await move(from, to, alice, type)).json().url).toBe(`http://hub.test/${type}s/${to}`)
    for (const path of [`/api/${type}s/REPO/refs`, `/${type}s/REPO/raw/main/x`, `/${type}s/REPO`]) {
      const answer = await nobody.get(path.replace('REPO', from))
      expect([answer.status, answer.headers.location]).toEqual([307, path.replace('REPO', to)])
    }
    // A model may have the name, and has not.
    expect((await nobody.get(`/api/models/${from}`)).headers['x-error-code']).toBe('RepoNotFound')
  })

  it('is not led to by those who may not read it: nothing is there', async () => {
    const { from, to } = await newRepo({ private: true })
    await move(from, to)
    for (const url of ['/api/models/REPO', '/REPO/resolve/main/a.txt', '/REPO', '/REPO/tree/main']) {
      for (const [who, as] of [
        ['bob', bob],
        ['nobody', nobody],
      ] as const) {
        const moved = await as.get(url.replace('REPO', from))
        const never = await as.get(url.replace('REPO', 'alice/never-there'))
        const { 'x-request-id': _, date: __, ...headers } = moved.headers
        const { 'x-request-id': ___, date: ____, ...others } = never.headers
        const unnamed = (text: string) =>
          text.replaceAll(from, 'REPO').replaceAll('alice/never-there', 'REPO')
        expect([who, moved.status, unnamed(moved.text)]).toEqual([who, never.status, unnamed(never.text)])
        expect(unnamed(JSON.stringify(headers)).replace(/"content-length":"\d+"/, '')).toBe(
          unnamed(JSON.stringify(others)).replace(/"content-length":"\d+"/, ''),
        )
      }
      expect((await alice.get(url.replace('REPO', from))).status).toBe(307)
    }
    const asked = await nobody.get(`/${from}.git/info/refs?service=git-upload-pack`)
    expect([asked.status, asked.headers['www-authenticate']]).toEqual([401, 'Basic realm="Banyan"'])
  })

  it('is led to from all its old names at once, and from none that it has again', async () => {
    const { from, to } = await newRepo()
    const [second, third] = [to, `${to}-again`]
    await move(from, second)
    await move(second, third)
    const leadsTo = async (name: string) =>
      (await nobody.head(`/${name}/resolve/main/a.txt`)).headers.location
    expect([await leadsTo(from), await leadsTo(second)]).toEqual([
      `/${third}/resolve/main/a.txt`,
      `/${third}/resolve/main/a.txt`,
    ])
    await move(third, from)
    expect((await nobody.get(`/${from}/resolve/main/a.txt`)).status).toBe(200)
    expect(await leadsTo(second)).toBe(`/${from}/resolve/main/a.txt`)
    expect(await leadsTo(third)).toBe(`/${from}/resolve/main/a.txt`)
  })

  it('gives way to a new repository of its old name, for good', async () => {
    const { from, to } = await newRepo()
    await move(from, to)
    expect((await nobody.get(`/api/models/${from}`)).status).toBe(307)
    expect((await alice.post('/api/repos/create', { name: from })).status).toBe(200)
    expect((await nobody.get(`/api/models/${from}`)).json().id).toBe(from)
    await alice.delete('/api/repos/delete', { name: from })
    expect((await nobody.get(`/api/models/${from}`)).headers['x-error-code']).toBe('RepoNotFound')
    expect((await nobody.get(`/api/models/${to}`)).json().id).toBe(to)
  })

  it('gives way to another one that is moved to its old name', async () => {
    const first = await newRepo()
    const second = await newRepo()
    await move(first.from, first.to)
    await move(second.from, first.from)
    expect((await nobody.get(`/${first.from}/resolve/main/a.txt`)).text).toBe(second.from.slice(6))
    expect((await nobody.get(`/${first.to}/resolve/main/a.txt`)).text).toBe(first.from.slice(6))
  })

  it('takes its old names with it when it is deleted; by an old name it is not', async () => {
    const { from, to } = await newRepo()
    await move(from, to)
    expect((await alice.delete('/api/repos/delete', { name: from })).status).toBe(404)
    expect((await alice.delete('/api/repos/delete', { name: to })).status).toBe(200)
    expect((await nobody.get(`/api/models/${from}`)).headers['x-error-code']).toBe('RepoNotFound')
  })

  it('can change the case of its name, and its other spellings need no leading', async () => {
    const { from } = await newRepo()
    const upper = `alice/${from.slice(6).toUpperCase()}`
    expect((await move(from, upper)).status).toBe(200)
    expect((await nobody.get(`/api/models/${from}`)).json().id).toBe(upper)
  })

  it('may go to an organisation, and belongs to it', async () => {
    const { from } = await newRepo({ private: true })
    const to = from.replace('alice', 'lab')
    expect((await bob.get(`/api/models/${from}`)).status).toBe(404)
    expect((await move(from, to)).status).toBe(200)
    expect((await bob.get(`/api/models/${to}`)).json()).toMatchObject({ author: 'lab', private: true })
    expect((await bob.get(`/api/models/${from}`)).status).toBe(307)
    expect((await move(to, from, bob)).status).toBe(403)
  })

  it('serves the signed links that were given out under its old name', async () => {
    const { from, to } = await newRepo({ private: true })
    const bytes = Buffer.from(`large ${from}`)
    const oid = createHash('sha256').update(bytes).digest('hex')
    const batch = async (operation: string) =>
      (
        await alice.post(`/${from}.git/info/lfs/objects/batch`, {
          operation,
          objects: [{ oid, size: bytes.length }],
        })
      ).json().objects[0].actions
    const { upload, verify } = await batch('upload')
    await move(from, to)
    const pathOf = (href: string) => href.replace('http://hub.test', '')
    expect((await nobody.send('PUT', pathOf(upload.href), bytes)).status).toBe(200)
    expect((await nobody.post(pathOf(verify.href), { oid, size: bytes.length })).status).toBe(200)
    await move(to, from)
    const { download } = await batch('download')
    await move(from, to)
    expect((await nobody.get(pathOf(download.href))).text).toBe(bytes.toString())
    // The name now means another repository, which the link is not for.
    await alice.post('/api/repos/create', { name: from })
    expect((await nobody.get(pathOf(download.href))).headers['x-error-code']).toBe('RepoNotFound')
  })
})

describe('moving', () => {
  it.each([
    ['a name that is taken', async (to: string) => (await newRepo()).from ?? to, 409],
    ['another user', async (to: string) => to.replace('alice', 'bob'), 403],
    ['a namespace that does not exist', async () => 'nobody-there/x', 404],
    ['a name that is none', async () => 'alice/.git', 400],
    ['one segment', async () => 'alice', 400],
  ])('to %s is refused, and nothing moves', async (_, target, status) => {
    const { from, to } = await newRepo()
    const refused = await move(from, await target(to))
    expect(refused.status).toBe(status)
    if (status === 409)
      expect(refused.json().error).toMatch(/^A model repository called alice\/r\d+ already exists$/)
    expect((await nobody.get(`/api/models/${from}`)).json().id).toBe(from)
  })

  it('takes the rights of both sides', async () => {
    const { from, to } = await newRepo()
    expect((await move(from, to, nobody)).status).toBe(401)
    expect((await move(from, to.replace('alice', 'bob'), bob)).status).toBe(403)
    expect((await move(from, to.replace('alice', 'lab'), bob)).status).toBe(403)
    const hidden = await newRepo({ private: true })
    expect((await move(hidden.from, hidden.to.replace('alice', 'bob'), bob)).status).toBe(404)
    const { id } = await hub.hub.repos.find('model', 'alice', from.slice(6))
    const { token } = await hub.hub.accounts.addToken('alice', {
      name: 'one repository',
      role: 'fine-grained',
      scopes: [{ target: { kind: 'repository', id }, access: 'write' }],
    })
    expect((await move(from, to, hub.as(token))).status).toBe(403)
    expect((await nobody.get(`/api/models/${from}`)).json().id).toBe(from)
  })

  it('of two to one name, and of one to two names, moves one', async () => {
    const { from, to } = await newRepo()
    const other = await newRepo()
    const toOne = await Promise.all([move(from, to), move(other.from, to)])
    expect(toOne.map(answer => answer.status).sort()).toEqual([200, 409])
    const { from: third } = await newRepo()
    const toTwo = await Promise.all([move(third, `${third}-a`), move(third, `${third}-b`)])
    expect(toTwo.map(answer => answer.status).sort()).toEqual([200, 404])
  })
})

it('a visibility that this hub has not is refused in words', async () => {
  const { from } = await newRepo()
  const refused = await alice.put(`/api/models/${from}/settings`, { visibility: 'protected' })
  expect(refused.status).toBe(400)
  expect(refused.json().error).toContain('visibility: is "protected"; this hub offers "public" and "private"')
  const settings = (body: object) => alice.put(`/api/models/${from}/settings`, body)
  expect((await settings({ visibility: 'private' })).json()).toMatchObject({ private: true })
  expect((await settings({ private: false })).json()).toMatchObject({ private: false })
})
