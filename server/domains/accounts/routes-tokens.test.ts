import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TestHub } from '../../hub-for-test.suite.ts'

/** Access tokens by API. Who is let in at all stands in `doors.test.ts`. */

const path = '/api/settings/tokens'

let hub: TestHub
beforeAll(async () => {
  hub = await TestHub.open()
  for (const name of ['alice', 'bob']) {
    await hub.hub.accounts.addUser({ name, token: { value: name, name: 'first', role: 'write' } })
    for (const [repo, isPrivate] of [
      ['open', false],
      ['closed', true],
    ]) {
      await hub.as(name).post('/api/repos/create', { name: repo, private: isPrivate })
    }
  }
})
afterAll(() => hub.close())

async function make(body: object, by = 'alice') {
  const answer = await hub.as(by).post(path, body)
  return { status: answer.status, body: answer.json(), headers: answer.headers }
}

describe('an access token', () => {
  it('is told once, works at once, and is listed without its secret', async () => {
    const { body, headers } = await make({ displayName: 'laptop', role: 'read' })
    expect(body).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{24}$/),
      displayName: 'laptop',
      role: 'read',
      createdAt: expect.stringContaining('T'),
      lastUsedAt: null,
      expiresAt: null,
      isCurrent: false,
      token: expect.stringMatching(/^hf_[A-Za-z0-9]{34}$/),
    })
    expect(headers['cache-control']).toBe('no-store')
    expect((await hub.as(body.token).get('/api/models/alice/closed')).status).toBe(200)
    const list = await hub.as('alice').get(path)
    expect(list.text).not.toContain(body.token)
    const names = list
      .json()
      .map((each: { displayName: string; isCurrent: boolean }) => [each.displayName, each.isCurrent])
    expect(names).toContainEqual(['first', true])
    expect(names).toContainEqual(['laptop', false])
    const found = list.json().find((each: { id: string }) => each.id === body.id)
    expect(Date.parse(found.lastUsedAt)).toBeGreaterThan(0)
  })

  it('is listed in pages', async () => {
    const first = await hub.as('alice').get(`${path}?limit=1`)
    expect(first.json()).toHaveLength(1)
    const next = /<http:\/\/hub\.test([^>]+)>; rel="next"/.exec(first.headers.link!)![1]!
    expect((await hub.as('alice').get(next)).json()[0].id > first.json()[0].id).toBe(true)
  })

  it('is renamed and revoked by its user alone', async () => {
    const { body } = await make({ displayName: 'old', role: 'write' })
    const one = `${path}/${body.id}`
    expect((await hub.as('bob').send('PATCH', one, { displayName: 'mine' })).status).toBe(404)
    expect((await hub.as('bob').delete(one)).status).toBe(404)
    expect((await hub.as('alice').send('PATCH', one, { displayName: 'new' })).json().displayName).toBe('new')
    expect((await hub.as('alice').send('PATCH', one, { displayName: 'two\nlines' })).status).toBe(400)
    expect((await hub.as('alice').delete(one)).status).toBe(204)
    expect((await hub.as(body.token).get('/api/whoami-v2')).status).toBe(401)
    expect((await hub.as('alice').delete(one)).status).toBe(404)
  })

  it('ends when it was said to end, not in the past', async () => {
    const end = new Date(Date.now() + 3_600_000).toISOString()
    const { body } = await make({ displayName: 'short', role: 'read', expiresAt: end })
    expect(body.expiresAt).toBe(end)
    expect(
      (await make({ displayName: 'past', role: 'read', expiresAt: '2020-01-01T00:00:00Z' })).status,
    ).toBe(400)
  })
})

describe('a token made with another one', () => {
  it('does not outlive it', async () => {
    const end = Date.now() + 3_600_000
    const at = (time: number) => new Date(time).toISOString()
    const maker = (await make({ displayName: 'maker', role: 'write', expiresAt: at(end) })).body.token
    const refused = await make({ displayName: 'for ever', role: 'read' }, maker)
    expect([refused.status, refused.body.error]).toEqual([
      403,
      expect.stringContaining('must not outlive it'),
    ])
    expect((await make({ displayName: 'longer', role: 'read', expiresAt: at(end + 1) }, maker)).status).toBe(
      403,
    )
    expect((await make({ displayName: 'as long', role: 'read', expiresAt: at(end) }, maker)).status).toBe(200)
  })

  it('is revoked with it, and what was made with that one too', async () => {
    const first = await make({ displayName: 'leaked', role: 'write' })
    const second = await make({ displayName: 'hidden', role: 'write' }, first.body.token)
    const third = await make({ displayName: 'deeper', role: 'read' }, second.body.token)
    const other = await make({ displayName: 'other', role: 'read' })
    await hub.as('alice').delete(`${path}/${first.body.id}`)
    for (const [made, status] of [
      [second, 401],
      [third, 401],
      [other, 200],
    ] as const) {
      expect((await hub.as(made.body.token).get('/api/whoami-v2')).status).toBe(status)
    }
  })

  it('is not made with one that may less: to read, or a fine-grained one', async () => {
    const scoped = [{ entity: { type: 'user', name: 'alice' }, permissions: ['repo.write'] }]
    const fine = (await make({ displayName: 'f', role: 'fineGrained', fineGrained: { scoped } })).body.token
    const read = (await make({ displayName: 'r', role: 'read' })).body.token
    for (const weak of [fine, read]) {
      for (const wanted of [
        { displayName: 'x', role: 'write' },
        { displayName: 'x', role: 'read' },
        { displayName: 'x', role: 'fineGrained', fineGrained: { scoped } },
      ]) {
        expect((await make(wanted, weak)).status).toBe(403)
      }
    }
  })
})

describe('a fine-grained token', () => {
  const entity = (type: string, name: string, ...permissions: string[]) => ({
    entity: { type, name },
    permissions,
  })
  const fineGrained = (...scoped: object[]) => ({
    displayName: 'ci',
    role: 'fineGrained',
    fineGrained: { scoped },
  })

  it('says in whoami-v2 what it may do, as the public hub does', async () => {
    const { body } = await make(
      fineGrained(
        entity('model', 'alice/closed', 'repo.content.read', 'repo.write'),
        entity('model', 'alice/open', 'discussion.write'),
        entity('user', 'alice', 'repo.content.read'),
      ),
    )
    const shown = {
      canReadGatedRepos: true,
      global: [],
      scoped: expect.arrayContaining([
        {
          entity: { _id: expect.any(String), type: 'model', name: 'alice/closed' },
          permissions: ['repo.content.read', 'discussion.write', 'repo.write'],
        },
        {
          entity: { _id: expect.any(String), type: 'model', name: 'alice/open' },
          permissions: ['repo.content.read', 'discussion.write'],
        },
        {
          entity: { _id: expect.any(String), type: 'user', name: 'alice' },
          permissions: ['repo.content.read'],
        },
      ]),
    }
    expect(body.fineGrained).toEqual(shown)
    const { auth } = (await hub.as(body.token).get('/api/whoami-v2')).json()
    expect(auth.accessToken).toMatchObject({ displayName: 'ci', role: 'fineGrained', fineGrained: shown })
  })

  it('does what its scopes say', async () => {
    const { body } = await make(fineGrained(entity('model', 'alice/open', 'repo.write')))
    expect((await hub.as(body.token).commit('alice/open', { 'a.txt': 'a' })).status).toBe(200)
    expect((await hub.as(body.token).get('/api/models/alice/closed')).status).toBe(404)
  })

  it('cannot name what its user may not see, in the words for what is not there', async () => {
    const hidden = await make(fineGrained(entity('model', 'bob/closed', 'repo.content.read')))
    const missing = await make(fineGrained(entity('model', 'bob/never', 'repo.content.read')))
    expect([hidden.status, missing.status]).toEqual([404, 404])
    expect(hidden.body).toEqual(missing.body)
    expect((await make(fineGrained(entity('org', 'nobody', 'repo.write')))).status).toBe(404)
    expect((await make(fineGrained())).status).toBe(400)
    expect((await make(fineGrained(entity('model', 'alice/open', 'hub.destroy')))).status).toBe(400)
  })
})
