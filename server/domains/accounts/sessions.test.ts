import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { TestHub } from '../../hub-for-test.suite.ts'

/** Browser sessions as a browser meets them, the whole hub behind them. */

const day = 24 * 60 * 60_000
const ownPage = { 'sec-fetch-site': 'same-origin' }

let hub: TestHub
beforeAll(async () => {
  hub = await TestHub.open()
  await hub.hub.accounts.addUser({ name: 'Alice', password: 'correct horse' })
  await hub.hub.accounts.addUser({ name: 'bob', token: { value: 'bob', name: 't', role: 'write' } })
  const begun = await login()
  await hub.as().post('/api/repos/create', { name: 'secret', private: true }, { ...begun, ...ownPage })
})
afterAll(() => hub.close())
afterEach(() => {
  vi.useRealTimers()
})

function attempt(password: string, headers: Record<string, string> = {}) {
  return hub.as().post('/api/login', { name: 'alice', password }, { 'user-agent': 'Browser/1', ...headers })
}

/** What the browser sends from then on. */
async function login(): Promise<{ cookie: string }> {
  const answer = await attempt('correct horse')
  expect([answer.status, answer.json()]).toEqual([200, { name: 'Alice' }])
  return { cookie: answer.headers['set-cookie']!.split(';')[0]! }
}

async function whoIs(headers: Record<string, string>): Promise<string> {
  const answer = await hub.as().get('/api/whoami-v2', headers)
  return answer.status === 200 ? answer.json().name : String(answer.status)
}

describe('a session', () => {
  it('begins with the password, is a cookie that no script and no other site has, and acts as its user', async () => {
    const answer = await attempt('correct horse')
    expect(answer.headers['set-cookie']).toMatch(
      /^banyan_session=[\w-]{43}; Max-Age=7776000; Path=\/; HttpOnly; SameSite=Lax$/,
    )
    const session = await login()
    expect((await hub.as().get('/api/whoami-v2', session)).json()).toMatchObject({
      name: 'Alice',
      auth: { type: 'session' },
    })
    expect((await hub.as().get('/api/models/Alice/secret', session)).status).toBe(200)
    expect((await hub.as().get('/Alice/secret/resolve/main/.gitattributes', session)).status).toBe(200)
    expect((await hub.as().get('/api/models/Alice/secret')).status).toBe(401)
  })

  it('is not stored as what opens it', async () => {
    const { cookie } = await login()
    const rows = await hub.hub.database.sql
      .withTables<{ sessions: object }>()
      .selectFrom('sessions')
      .selectAll()
      .execute()
    expect(JSON.stringify(rows)).not.toContain(cookie.split('=')[1])
  })

  it('does not begin with a wrong password or a missing user, in the same words', async () => {
    const wrong = await attempt('wrong horse')
    const missing = await hub.as().post('/api/login', { name: 'nobody', password: 'correct horse' })
    expect([wrong.status, missing.status]).toEqual([401, 401])
    expect(wrong.json()).toEqual(missing.json())
    expect(wrong.headers['set-cookie']).toBeUndefined()
  })

  it('ends by logout, and its cookie with it', async () => {
    const session = await login()
    const answer = await hub.as().post('/api/logout', undefined, { ...session, ...ownPage })
    expect([answer.status, answer.headers['set-cookie']]).toEqual([
      204,
      'banyan_session=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax',
    ])
    expect(await whoIs(session)).toBe('401')
  })

  it('a header Authorization wins over it; a cookie that opens nothing is nobody', async () => {
    const session = await login()
    expect(await whoIs({ ...session, authorization: 'Bearer bob' })).toBe('bob')
    expect(await whoIs({ ...session, authorization: 'Bearer nonsense' })).toBe('401')
    expect((await hub.as().get('/api/models', { cookie: `banyan_session=${'x'.repeat(43)}` })).status).toBe(
      200,
    )
  })

  it('lives while it is used, two weeks longer each time, and ninety days at most', async () => {
    const session = await login()
    const start = Date.now()
    vi.useFakeTimers({ toFake: ['Date'] })
    for (let days = 13; days <= 78; days += 13) {
      vi.setSystemTime(start + days * day)
      expect([days, await whoIs(session)]).toEqual([days, 'Alice'])
      await vi.waitFor(async () => {
        const list = (await hub.as().get('/api/settings/sessions', session)).json()
        const own = list.find((each: { isCurrent: boolean }) => each.isCurrent)
        expect(Date.parse(own.lastUsedAt)).toBe(start + days * day)
      })
    }
    vi.setSystemTime(start + 91 * day)
    expect(await whoIs(session)).toBe('401')
    vi.setSystemTime(start)
    const unused = await login()
    vi.setSystemTime(start + 15 * day)
    expect(await whoIs(unused)).toBe('401')
  })

  it('is listed, and ended from another browser; not by somebody else', async () => {
    const here = await login()
    const list = async () => (await hub.as().get('/api/settings/sessions', here)).json() as { id: string }[]
    const before = (await list()).map(({ id }) => id)
    const there = await login()
    const [other] = (await list()).filter(({ id }) => !before.includes(id)) as [{ id: string }]
    expect(other).toMatchObject({ userAgent: 'Browser/1', createdAt: expect.stringContaining('T') })
    expect(Object.keys(other)).not.toContain('hash')
    const end = `/api/settings/sessions/${other.id}`
    expect((await hub.as('bob').delete(end)).status).toBe(403)
    expect((await hub.as().send('DELETE', end, undefined, { ...here, ...ownPage })).status).toBe(204)
    expect([await whoIs(here), await whoIs(there)]).toEqual(['Alice', '401'])
    expect((await hub.as().send('DELETE', end, undefined, { ...here, ...ownPage })).status).toBe(404)
  })
})

describe('a page of another site', () => {
  const foreign: [string, Record<string, string>][] = [
    ['says so', { 'sec-fetch-site': 'cross-site' }],
    ['is a sister of ours', { 'sec-fetch-site': 'same-site', origin: 'http://hub.test' }],
    ['says so by Origin', { origin: 'http://evil.example' }],
    ['is nowhere', { origin: 'null' }],
    ['is here by another port', { origin: 'http://hub.test:81' }],
  ]

  it.each([...foreign, ['says nothing', {}] as const])(
    'that %s writes nothing by the cookie',
    async (_, from) => {
      const session = await login()
      const answer = await hub.as().post('/api/repos/create', { name: 'planted' }, { ...session, ...from })
      expect([answer.status, answer.text]).toEqual([
        403,
        expect.stringContaining('not sent by a page of this hub'),
      ])
      expect((await hub.as().get('/api/models/Alice/planted', session)).status).toBe(404)
    },
  )

  it.each(foreign)('that %s signs nobody in, and nobody out', async (_, from) => {
    expect((await attempt('correct horse', from)).status).toBe(403)
    const session = await login()
    expect((await hub.as().post('/api/logout', undefined, { ...session, ...from })).status).toBe(403)
    expect(await whoIs(session)).toBe('Alice')
  })

  it('is not taken for one of ours: those write, with Sec-Fetch-Site or with Origin alone', async () => {
    const session = await login()
    for (const [at, from] of [ownPage, { origin: 'http://hub.test' }].entries()) {
      const answer = await hub.as().post('/api/repos/create', { name: `own-${at}` }, { ...session, ...from })
      expect(answer.status).toBe(200)
    }
  })

  it('does not write by the password that the browser keeps for git', async () => {
    const basic = { authorization: `Basic ${Buffer.from('alice:correct horse').toString('base64')}` }
    const write = (from: Record<string, string>) =>
      hub.as().post('/api/repos/create', { name: 'by-basic' }, { ...basic, ...from })
    expect((await write(foreign[2]![1])).status).toBe(403)
    expect((await write({})).status).toBe(200)
  })

  it('may send tokens, as programs do', async () => {
    const answer = await hub.as('bob').post('/api/repos/create', { name: 'own' }, foreign[0]![1])
    expect(answer.status).toBe(200)
  })
})

describe('the password', () => {
  const change = (body: object, headers: Record<string, string>) =>
    hub.as().post('/api/settings/password', body, { ...headers, ...ownPage })

  it('is changed by whoever knows it; other browsers are out, and tokens stay', async () => {
    const { token } = await hub.hub.accounts.addToken('alice', { name: 'laptop', role: 'read' })
    const [here, there] = [await login(), await login()]
    expect((await change({ current: 'wrong horse', wanted: 'battery staple' }, here)).status).toBe(401)
    expect((await change({ current: 'correct horse', wanted: 'short' }, here)).status).toBe(400)
    expect((await change({ current: 'correct horse', wanted: 'battery staple' }, here)).status).toBe(204)
    expect([await whoIs(here), await whoIs(there)]).toEqual(['Alice', '401'])
    expect(await whoIs({ authorization: `Bearer ${token}` })).toBe('Alice')
    expect((await attempt('correct horse')).status).toBe(401)
    expect((await attempt('battery staple')).status).toBe(200)
    await change({ current: 'battery staple', wanted: 'correct horse' }, here)
  })

  it('is not changed by a token', async () => {
    const answer = await hub
      .as('bob')
      .post('/api/settings/password', { current: 'x', wanted: 'battery staple' })
    expect(answer.status).toBe(403)
  })
})

it('nobody makes an account for themselves, unless the hub says so', async () => {
  const asked = { name: 'carol', password: 'correct horse', email: 'carol@example.org' }
  expect((await hub.as().post('/api/signup', asked)).status).toBe(403)
  const open = await TestHub.open({ signUp: 'open' })
  try {
    expect((await open.as().post('/api/signup', asked)).json()).toMatchObject({ name: 'carol' })
    expect((await open.as().post('/api/signup', asked)).status).toBe(409)
    expect((await open.as().post('/api/signup', { ...asked, name: 'admin' })).status).toBe(400)
    expect((await open.as().post('/api/login', asked)).status).toBe(200)
  } finally {
    await open.close()
  }
})

it('on https the cookie does not travel in the clear', async () => {
  const secure = await TestHub.open({ publicUrl: 'https://hub.example' })
  try {
    await secure.hub.accounts.addUser({ name: 'dora', password: 'correct horse' })
    const answer = await secure.as().post('/api/login', { name: 'dora', password: 'correct horse' })
    expect(answer.headers['set-cookie']).toMatch(/; Secure$/)
  } finally {
    await secure.close()
  }
})

it('passwords are guessed no more than ten times, here as elsewhere', async () => {
  await hub.hub.accounts.addUser({ name: 'erin', password: 'correct horse' })
  const guesses = await Promise.all(
    Array.from({ length: 11 }, (_, at) =>
      hub.as().post('/api/login', { name: 'erin', password: `guess ${at} ...` }),
    ),
  )
  expect(guesses.map(({ status }) => status).sort()).toEqual([...Array(10).fill(401), 429])
  const right = await hub.as().post('/api/login', { name: 'erin', password: 'correct horse' })
  expect([right.status, Number(right.headers['retry-after']) > 0]).toEqual([429, true])
})
