import { createHash, randomBytes } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { TestHub } from './hub-for-test.suite.ts'

/**
 * The main flows of every domain, one after the other on the same hub, against both databases: what a store asks of SQL
 * must mean the same to both. With BANYAN_TEST_DATABASE=postgres all other tests of a whole hub run there too.
 */
describe.each(['sqlite', 'postgres'])('a whole hub on %s', kind => {
  const content = randomBytes(300_000)
  const oid = sha256(content)
  const repo = 'lab/model'
  const api = `/api/models/${repo}`

  let hub: TestHub
  let receiver: Server
  const received: { event: { action: string; scope: string } }[] = []
  const alice = () => hub.as('alice')
  const bob = () => hub.as('bob')
  const nobody = () => hub.as()

  beforeAll(async () => {
    receiver = createServer(async (request, response) => {
      let text = ''
      for await (const piece of request) text += piece
      received.push(JSON.parse(text))
      response.end()
    })
    await new Promise<void>(settle => receiver.listen(0, '127.0.0.1', settle))
    hub = await TestHub.open({ webhookTargets: 'any' }, kind)
    const { accounts } = hub.hub
    for (const name of ['alice', 'bob']) {
      await accounts.addUser({
        name,
        password: `${name} ${name} ${name}`,
        token: { value: name, name: 't', role: 'write' },
      })
    }
    await accounts.addOrganization({ name: 'lab', members: [{ user: 'alice', role: 'admin' }] })
  }, 120_000)
  afterAll(async () => {
    await hub.close()
    receiver.close()
  })

  const ok = async <T extends { status: number; text: string }>(answer: Promise<T>): Promise<T> => {
    const found = await answer
    expect([found.status, found.text]).toEqual([expect.toSatisfy(isOk), expect.any(String)])
    return found
  }
  const idle = () =>
    vi.waitFor(
      async () => expect(await hub.hub.queue.counts()).toEqual({ waiting: 0, leased: 0, buried: 0 }),
      20_000,
    )

  it('is the database that it should be', () => {
    expect(hub.hub.database.kind).toBe(kind)
  })

  it('accounts: who asks, by token, password and session', async () => {
    expect((await alice().get('/api/whoami-v2')).json()).toMatchObject({ name: 'alice' })
    const login = await ok(nobody().post('/api/login', { name: 'bob', password: 'bob bob bob' }))
    const cookie = String(login.headers['set-cookie']).split(';')[0]!
    expect((await nobody().get('/api/whoami-v2', { cookie })).json()).toMatchObject({ name: 'bob' })
    await ok(alice().post('/api/settings/tokens', { displayName: 'ci', role: 'read' }))
    expect((await alice().get('/api/settings/tokens')).text).toContain('ci')
    expect((await nobody().get('/api/organizations/lab/members')).json()).toHaveLength(1)
  })

  it('webhooks: one watches all of the lab', async () => {
    const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`
    await ok(alice().post('/api/settings/webhooks', { url, watched: [{ type: 'org', name: 'lab' }] }))
  })

  it('repos: a repository, a commit, branches and tags, history', async () => {
    await ok(alice().post('/api/repos/create', { name: 'model', organization: 'lab' }))
    expect((await alice().post('/api/repos/create', { name: 'model', organization: 'lab' })).status).toBe(409)
    const card = '---\nlicense: mit\ntags: [tree]\n---\nA pangolin in a banyan.\n'
    await ok(alice().commit(repo, { 'README.md': card, 'a/b.txt': 'text', 'config.json': '{}' }))
    await ok(alice().post(`${api}/branch/dev`, {}))
    await ok(alice().commit(repo, { 'c.txt': 'on dev' }, { branch: 'dev' }))
    await ok(alice().post(`${api}/tag/main`, { tag: 'v1' }))
    expect((await nobody().get(`${api}/refs`)).json()).toMatchObject({
      branches: [{ name: 'dev' }, { name: 'main' }],
      tags: [{ name: 'v1' }],
    })
    expect((await nobody().get(`${api}/commits/main`)).json().length).toBeGreaterThan(1)
    expect((await nobody().get(`${api}/tree/main?recursive=true&expand=true`)).text).toContain('a/b.txt')
    expect((await nobody().get(`/${repo}/resolve/v1/a/b.txt`)).text).toBe('text')
    await ok(alice().delete(`${api}/branch/dev`))
  })

  it('blobs: a file by LFS, read by LFS, by range and by Xet, proven and deduplicated', async () => {
    const batch = (operation: string) =>
      alice().post(`/${repo}.git/info/lfs/objects/batch`, {
        operation,
        objects: [{ oid, size: content.length }],
      })
    const { upload, verify } = (await ok(batch('upload'))).json().objects[0].actions
    await ok(nobody().put(targetOf(upload.href), content))
    await ok(nobody().post(targetOf(verify.href), { oid, size: content.length }))
    await ok(alice().commit(repo, { 'w.bin': { sha256: oid, size: content.length } }))
    expect((await batch('upload')).json().objects[0].actions).toBeUndefined()
    const { download } = (await ok(batch('download'))).json().objects[0].actions
    expect((await nobody().get(targetOf(download.href))).bytes.equals(content)).toBe(true)
    const part = await nobody().get(`/${repo}/resolve/main/w.bin`, { range: 'bytes=1000-1999' })
    expect(part.bytes.equals(content.subarray(1000, 2000))).toBe(true)
    const file = (await nobody().head(`/${repo}/resolve/main/w.bin`)).headers['x-xet-hash']!
    const token = async (scope: string) =>
      (await ok(alice().get(`${api}/xet-${scope}-token/main`))).json().accessToken as string
    const layout = await ok(hub.as(await token('read')).get(`/cas/v2/reconstructions/${file}`))
    const [xorb, [entry]] = Object.entries(layout.json().xorbs)[0] as [
      string,
      [{ url: string; ranges: Ranges }],
    ]
    const { start, end } = entry.ranges[0].bytes
    await ok(nobody().get(targetOf(entry.url), { range: `bytes=${start}-${end}` }))
    await ok(hub.as(await token('write')).post(`/cas/v1/xorb-grants/default/${xorb}`, {}))
  })

  it('catalog: info, lists, search, tags', async () => {
    await idle()
    expect((await nobody().get(api)).json()).toMatchObject({ id: repo, cardData: { license: 'mit' } })
    for (const query of [
      'search=pangolin',
      'filter=license:mit',
      'author=lab&full=true',
      'sort=lastModified&limit=1',
    ]) {
      expect([query, (await nobody().get(`/api/models?${query}`)).json().length]).toEqual([query, 1])
    }
    expect((await nobody().get('/api/models?search=nothing-like-it')).json()).toEqual([])
    await ok(nobody().get('/api/models-tags-by-type'))
  })

  it('discussions: a discussion, a pull request of a reader, merged', async () => {
    const opened = await ok(bob().post(`${api}/discussions`, { title: 'Odd', description: 'Why?' }))
    const { num } = opened.json()
    await ok(alice().post(`${api}/discussions/${num}/comment`, { comment: 'Because' }))
    await ok(alice().post(`${api}/discussions/${num}/status`, { status: 'closed' }))
    const lines = [
      { key: 'header', value: { summary: 'Better' } },
      { key: 'file', value: { path: 'by-bob.txt', content: 'better', encoding: 'utf-8' } },
    ]
    const made = await ok(
      bob().send(
        'POST',
        `${api}/commit/main?create_pr=1`,
        lines.map(line => JSON.stringify(line)).join('\n'),
        {
          'content-type': 'application/x-ndjson',
        },
      ),
    )
    const number = /\d+$/.exec(made.json().pullRequestUrl)![0]
    expect((await nobody().get(`${api}/discussions/${number}?diff=1`)).text).toContain('by-bob.txt')
    await ok(alice().post(`${api}/discussions/${number}/merge`, {}))
    expect((await nobody().get(`/${repo}/resolve/main/by-bob.txt`)).text).toBe('better')
    expect((await nobody().get(`${api}/discussions`)).json().discussions).toHaveLength(2)
  })

  it('community: likes, followers, collections, overviews', async () => {
    await ok(bob().post(`${api}/like`))
    expect((await nobody().get(`${api}/likers`)).json()).toMatchObject([{ user: 'bob' }])
    expect((await nobody().get('/api/users/bob/likes')).text).toContain(repo)
    await ok(bob().post('/api/users/alice/follow'))
    expect((await nobody().get('/api/users/alice/followers')).json()).toHaveLength(1)
    await ok(nobody().get('/api/users/alice/overview'))
    const { slug } = (
      await ok(alice().post('/api/collections', { title: 'Trees', namespace: 'alice' }))
    ).json()
    await ok(
      alice().post(`/api/collections/${slug}/items`, { item: { type: 'model', id: repo }, note: 'big' }),
    )
    expect((await nobody().get(`/api/collections/${slug}`)).json().items).toMatchObject([{ id: repo }])
    expect((await nobody().get('/api/collections?owner=alice')).json()).toHaveLength(1)
  })

  it('gates: asked, accepted, let in', async () => {
    await ok(alice().put(`${api}/settings`, { gated: 'manual' }))
    expect((await bob().get(`/${repo}/resolve/main/w.bin`)).status).toBe(403)
    await ok(bob().post(`/${repo}/ask-access`, {}))
    expect((await alice().get(`${api}/user-access-request/pending`)).json()).toHaveLength(1)
    await ok(alice().post(`${api}/user-access-request/handle`, { user: 'bob', status: 'accepted' }))
    expect((await bob().get(`/${repo}/resolve/main/w.bin`)).status).toBe(200)
    await ok(alice().put(`${api}/settings`, { gated: false }))
  })

  it('moves and duplicates', async () => {
    await ok(alice().post('/api/repos/move', { fromRepo: repo, toRepo: 'alice/moved' }))
    expect((await nobody().get(api)).status).toBe(307)
    expect((await nobody().get('/alice/moved/resolve/main/w.bin')).bytes.equals(content)).toBe(true)
    await ok(alice().post('/api/models/alice/moved/duplicate', { repository: 'lab/copy' }))
    expect((await nobody().get('/lab/copy/resolve/main/w.bin')).bytes.equals(content)).toBe(true)
    await ok(alice().post('/api/models/lab/copy/super-squash/main', { message: 'one' }))
    expect((await nobody().get('/api/models/lab/copy/commits/main')).json()).toHaveLength(1)
    const files = (await ok(alice().get('/api/models/alice/moved/lfs-files'))).json()
    expect(files).toMatchObject([{ fileOid: oid }])
  })

  it('webhooks: were told', async () => {
    await idle()
    const told = new Set(received.map(({ event }) => `${event.action} ${event.scope}`))
    for (const what of ['create repo', 'update repo.content', 'create discussion', 'move repo']) {
      expect(told).toContain(what)
    }
  })

  it('what is deleted is collected, and all that is left is whole', async () => {
    for (const [name, organization] of [
      ['moved', undefined],
      ['copy', 'lab'],
    ]) {
      await ok(alice().delete('/api/repos/delete', { name, organization }))
    }
    await ok(alice().post('/api/repos/create', { name: 'left' }))
    await ok(alice().commit('alice/left', { 'a.txt': 'left' }))
    await idle()
    const options = { dryRun: false, graceMs: 0 }
    const runs = [1, 2].map(
      () => () =>
        hub.hub.blobs.collect({ ...options, liveHolders: hub.hub.repos.liveHolders, progress() {} }),
    )
    const removed = []
    // Ids of repositories so young may be of some that are being made.
    vi.useFakeTimers({ toFake: ['Date'] })
    vi.setSystemTime(Date.now() + 3 * 24 * 3600_000)
    try {
      for (const run of runs) removed.push(await run())
      await hub.hub.repos.collect(options)
      await hub.hub.discussions.collect(options)
    } finally {
      vi.useRealTimers()
    }
    expect(removed.reduce((sum, { xorbs }) => sum + xorbs, 0)).toBe(1)
    const findings: string[] = []
    const report = {
      finding: ({ subject, words }: { subject: string; words: string }) =>
        findings.push(`${subject}: ${words}`),
      progress() {},
    }
    expect(await hub.hub.database.check()).toEqual([])
    const damaged = await hub.hub.blobs.check({ deep: true }, report)
    await hub.hub.repos.check({ deep: true, damaged }, report)
    expect(findings).toEqual([])
    expect((await nobody().get('/alice/left/resolve/main/a.txt')).text).toBe('left')
  })
})

type Ranges = [{ bytes: { start: number; end: number } }]

function isOk(status: unknown): boolean {
  return typeof status === 'number' && status >= 200 && status < 300
}

function targetOf(href: string): string {
  const { pathname, search } = new URL(href)
  return pathname + search
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
