import { pino } from 'pino'
import { afterEach, expect, it } from 'vitest'
import { BadCredentials } from '../domains/accounts/index.ts'
import { anonymous, type User } from '../kernel/actor.ts'
import { createApp } from './app.ts'
import type { Doors } from './doors.ts'
import { networkOf, RateLimits } from './rate-limits.ts'
import { route } from './route.ts'

/** The windows by themselves, and in front of routes, with a clock that stands still until it is moved. */

const start = Date.UTC(2030, 0, 1)
let now = start
let app: ReturnType<typeof createApp> | undefined
afterEach(async () => {
  await app?.close()
  app = undefined
  now = start
})

const quotas = { windowMs: 60_000, requests: { api: 3, resolvers: 2, pages: 1 } }

function user(id: string): User {
  return {
    kind: 'user',
    id,
    name: id,
    isAdmin: false,
    memberships: new Map(),
    credential: { kind: 'password' },
  }
}

function asker(trustedProxies: string[] = []) {
  const about = { summary: 'Try', answers: { 200: 'text/plain' } }
  const open = { grant: 'anyone', about, handle: () => 'ok' } as const
  app = createApp({
    routes: [
      route({ ...open, method: 'GET', path: '/api/thing' }),
      route({ ...open, method: 'GET', path: '/api/other' }),
      route({ ...open, method: 'GET', path: '{web}/resolve/*' }),
      route({ ...open, method: 'GET', path: '/page' }),
      route({ ...open, method: 'GET', path: '/healthz' }),
      route({ ...open, method: 'GET', path: '/signed', grant: 'signed-url' }),
    ],
    doors: { anyone: () => undefined, 'signed-url': () => undefined } as unknown as Doors,
    identify: async name => {
      if (name === 'wrong') throw new BadCredentials()
      return name ? user(name) : anonymous
    },
    findRepo: async (_, namespace, name) => ({ namespace, name }) as never,
    publicUrl: undefined,
    trustedProxies,
    rateLimits: new RateLimits(quotas, () => now),
    log: pino({ level: 'silent' }),
    metrics: { observe() {}, text: async () => '', contentType: 'text/plain' },
  })
  const asked = app
  return async (url: string, from: string, headers: Record<string, string> = {}) => {
    const answer = await asked.inject({ url, remoteAddress: from, headers })
    return { status: answer.statusCode, headers: answer.headers as Record<string, string>, text: answer.body }
  }
}

it('says what is left in the words that clients read, and refuses what is over', async () => {
  const ask = asker()
  const first = await ask('/api/thing', '198.51.100.1')
  expect(first.headers.ratelimit).toBe('"api";r=2;t=60')
  expect(first.headers['ratelimit-policy']).toBe('"fixed window";"api";q=3;w=60')
  now += 15_001
  await ask('/api/other', '198.51.100.1')
  expect((await ask('/api/thing', '198.51.100.1')).headers.ratelimit).toBe('"api";r=0;t=45')
  const refused = await ask('/api/thing', '198.51.100.1')
  expect(refused.status).toBe(429)
  expect(refused.headers).toMatchObject({ ratelimit: '"api";r=0;t=45', 'retry-after': '45' })
  expect(JSON.parse(refused.text).error).toContain('over 3 requests to api in 60 s; go on in 45 s')
  now = start + 59_999
  expect((await ask('/api/thing', '198.51.100.1')).status).toBe(429)
  now = start + 60_000
  expect((await ask('/api/thing', '198.51.100.1')).headers.ratelimit).toBe('"api";r=2;t=60')
})

it('counts calls, files and pages apart, each address apart, and each account wherever it is', async () => {
  const ask = asker()
  const statuses = async (url: string, from: string, headers = {}) => [
    (await ask(url, from, headers)).status,
    (await ask(url, from, headers)).status,
    (await ask(url, from, headers)).status,
    (await ask(url, from, headers)).status,
  ]
  expect(await statuses('/page', '198.51.100.1')).toEqual([200, 429, 429, 429])
  expect(await statuses('/a/b/resolve/main/f', '198.51.100.1')).toEqual([200, 200, 429, 429])
  expect(await statuses('/api/thing', '198.51.100.1')).toEqual([200, 200, 200, 429])
  expect(await statuses('/api/thing', '198.51.100.2')).toEqual([200, 200, 200, 429])
  const ada = { authorization: 'ada' }
  expect(await statuses('/api/thing', '198.51.100.1', ada)).toEqual([200, 200, 200, 429])
  expect((await ask('/api/thing', '203.0.113.9', ada)).status).toBe(429)
  expect((await ask('/api/thing', '198.51.100.1', { authorization: 'bob' })).status).toBe(200)
})

it('counts what is not there, and who shows bad credentials, by address', async () => {
  const ask = asker()
  expect((await ask('/nothing', '198.51.100.1')).status).toBe(404)
  expect((await ask('/nothing', '198.51.100.1')).status).toBe(429)
  const wrong = { authorization: 'wrong' }
  for (const status of [401, 401, 401, 429]) {
    expect((await ask('/api/thing', '198.51.100.1', wrong)).status).toBe(status)
  }
})

it('limits neither this machine, nor operators, nor what a key was given for', async () => {
  const ask = asker()
  for (const from of ['127.0.0.1', '127.8.8.8', '::1', '::ffff:127.0.0.1']) {
    for (let times = 0; times < 3; times++) {
      const answer = await ask('/page', from)
      expect([answer.status, answer.headers.ratelimit]).toEqual([200, undefined])
    }
  }
  for (const url of ['/healthz', '/signed']) {
    for (let times = 0; times < 4; times++) {
      expect((await ask(url, '198.51.100.1')).headers.ratelimit).toBeUndefined()
    }
  }
})

it('believes X-Forwarded-For of known proxies alone', async () => {
  const forwarded = (client: string) => ({ 'x-forwarded-for': client })
  const blind = asker()
  expect((await blind('/page', '198.51.100.1', forwarded('203.0.113.1'))).status).toBe(200)
  expect((await blind('/page', '198.51.100.1', forwarded('203.0.113.2'))).status).toBe(429)
  expect((await blind('/page', '198.51.100.1', forwarded('127.0.0.1'))).status).toBe(429)
  await app?.close()
  const seeing = asker(['127.0.0.1', '10.0.0.0/8'])
  expect((await seeing('/page', '127.0.0.1', forwarded('203.0.113.1'))).status).toBe(200)
  expect((await seeing('/page', '10.9.9.9', forwarded('203.0.113.1'))).status).toBe(429)
  // What the client itself has written before is not believed.
  expect((await seeing('/page', '127.0.0.1', forwarded('127.0.0.1, 203.0.113.1, 10.1.1.1'))).status).toBe(429)
  expect((await seeing('/page', '198.51.100.1', forwarded('203.0.113.2'))).status).toBe(200)
  expect((await seeing('/page', '198.51.100.1', forwarded('203.0.113.3'))).status).toBe(429)
})

it('keeps its memory bounded: of very many, those that were quiet longest are forgotten', () => {
  const limits = new RateLimits(quotas, () => now)
  limits.count('pages', 'first')
  expect(limits.count('pages', 'first').refusal).toBeDefined()
  for (let who = 0; who < 50_000; who++) limits.count('pages', String(who))
  expect(limits.count('pages', '49999').refusal).toBeDefined()
  expect(limits.count('pages', 'first').refusal).toBeUndefined()
})

it.each([
  ['198.51.100.7', '198.51.100.7'],
  ['::ffff:198.51.100.7', '198.51.100.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:0DB8:1:2::6', '2001:db8:1:2'],
  ['2001:db8::1', '2001:db8:0:0'],
  ['fe80::1%eth0', 'fe80:0:0:0'],
])('counts %s under %s', (address, network) => {
  expect(networkOf(address)).toBe(network)
})
