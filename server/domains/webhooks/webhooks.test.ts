import { createHmac } from 'node:crypto'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { TestHub } from '../../hub-for-test.suite.ts'

/** Webhooks with a receiver that listens, the whole hub behind them. */

const path = '/api/settings/webhooks'
const hour = 3_600_000

let hub: TestHub
let receiver: Server
let url: string
/** What the receiver answers, and what it was sent. */
let answer = 200
let received: { headers: IncomingMessage['headers']; text: string; path: string }[] = []

beforeAll(async () => {
  receiver = createServer(async (request, response) => {
    let text = ''
    for await (const piece of request) text += piece
    received.push({ headers: request.headers, text, path: request.url ?? '' })
    response.writeHead(answer, answer === 302 ? { location: '/elsewhere' } : {}).end('ignored')
  })
  await new Promise<void>(settle => receiver.listen(0, '127.0.0.1', settle))
  url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`
  hub = await TestHub.open({ webhookTargets: 'any', publicUrl: 'https://hub.example' })
  for (const name of ['alice', 'bob']) {
    await hub.hub.accounts.addUser({ name, token: { value: name, name: 't', role: 'write' } })
  }
})
afterAll(async () => {
  await hub.close()
  receiver.close()
})
beforeEach(() => {
  answer = 200
  received = []
})
afterEach(async () => {
  vi.useRealTimers()
  for (const user of ['alice', 'bob']) {
    for (const { id } of (await hub.as(user).get(path)).json()) await hub.as(user).delete(`${path}/${id}`)
  }
})

async function make(watched: [string, string][], more: object = {}, by = 'alice') {
  const made = await hub
    .as(by)
    .post(path, { url, watched: watched.map(([type, name]) => ({ type, name })), ...more })
  expect(made.status).toBe(200)
  return made.json().webhook
}

/** The events that came, as `action scope`, once there are so many. */
async function events(count: number): Promise<string[]> {
  await vi.waitFor(() => expect(received.length).toBeGreaterThanOrEqual(count), { timeout: 10_000 })
  return received.map(({ text }) => {
    const { event } = JSON.parse(text)
    return `${event.action} ${event.scope}`
  })
}

async function log(id: string, by = 'alice') {
  return (await hub.as(by).get(`${path}/${id}/deliveries`)).json()
}

async function create(name: string, isPrivate = false, by = 'alice') {
  const made = await hub.as(by).post('/api/repos/create', { name, private: isPrivate })
  expect(made.status).toBe(200)
  return made.json().id as string
}

describe('a webhook', () => {
  it('is told of a repository from its first day to its last, in the words of huggingface_hub', async () => {
    const { id } = await make([['user', 'Alice']], { secret: 'my-secret' })
    const repo = await create('life')
    expect((await events(2)).sort()).toEqual(['create repo', 'update repo.content'])
    const commit = await hub.as('alice').commit('alice/life', { 'a.txt': 'a' })
    await events(3)
    await hub.as('alice').put('/api/models/alice/life/settings', { private: true })
    await events(4)
    await hub
      .as('alice')
      .post('/api/repos/move', { fromRepo: 'alice/life', toRepo: 'alice/moved', type: 'model' })
    await events(5)
    await hub.as('alice').delete('/api/repos/delete', { name: 'moved' })
    expect((await events(6)).slice(2)).toEqual([
      'update repo.content',
      'update repo.config',
      'move repo',
      'delete repo',
    ])
    const payloads = received.map(({ text }) => JSON.parse(text))
    expect(payloads[2]).toEqual({
      event: { action: 'update', scope: 'repo.content' },
      repo: {
        type: 'model',
        name: 'alice/life',
        id: repo,
        private: false,
        url: { web: 'https://hub.example/alice/life', api: 'https://hub.example/api/models/alice/life' },
        headSha: commit.json().commitOid,
        owner: { id: expect.any(String) },
      },
      updatedRefs: [
        {
          ref: 'refs/heads/main',
          oldSha: expect.stringMatching(/^[0-9a-f]{40}$/),
          newSha: commit.json().commitOid,
        },
      ],
      webhook: { id, version: 3 },
    })
    expect(payloads[4]).toMatchObject({ repo: { name: 'alice/life' }, movedTo: { name: 'alice/moved' } })
    expect(payloads[5].repo).toMatchObject({ id: repo, name: 'alice/moved', private: true })
  })

  it('proves itself by its secret, which nobody is shown again', async () => {
    const made = await make([['model', 'alice/proof']], { secret: 'my-secret' })
    await create('proof')
    await events(1)
    const [{ headers, text }] = received as [(typeof received)[0]]
    expect(headers['x-webhook-secret']).toBe('my-secret')
    expect(headers['x-hub-signature-256']).toBe(
      `sha256=${createHmac('sha256', 'my-secret').update(text).digest('hex')}`,
    )
    expect(headers['x-webhook-delivery']).toMatch(/^[0-9a-f]{24}$/)
    expect(made.secret).toBe('********')
    for (const page of [path, `${path}/${made.id}`, `${path}/${made.id}/deliveries`]) {
      expect((await hub.as('alice').get(page)).text).not.toContain('my-secret')
    }
    // A client that sends back what it was shown changes nothing.
    await hub.as('alice').post(`${path}/${made.id}`, { watched: [], secret: '********' })
    received = []
    await hub.as('alice').commit('alice/proof', { 'a.txt': 'a' })
    await events(1)
    expect(received[0]?.headers['x-webhook-secret']).toBe('my-secret')
  })

  it('hears of what it watches alone, by name of account or repository, and of the domains it asked for', async () => {
    await make([
      ['model', 'alice/one'],
      ['dataset', 'alice/two'],
    ])
    await make([['user', 'alice']], { url: `${url}/discussions`, domains: ['discussion'] })
    await create('two')
    await create('one')
    await events(2)
    expect(new Set(received.map(({ text, path }) => `${path} ${JSON.parse(text).repo.name}`))).toEqual(
      new Set(['/hook alice/one']),
    )
  })

  it('goes on under the new name of what it watches', async () => {
    await create('before')
    const { id } = await make([['model', 'alice/before']])
    // One that watches the name which the repository is to have must not be in its way.
    await make(
      [
        ['model', 'alice/before'],
        ['model', 'alice/after'],
      ],
      { domains: ['discussion'] },
      'bob',
    )
    await hub
      .as('alice')
      .post('/api/repos/move', { fromRepo: 'alice/before', toRepo: 'alice/after', type: 'model' })
    await events(1)
    const { webhook } = (await hub.as('alice').get(`${path}/${id}`)).json()
    expect(webhook.watched).toEqual([{ type: 'model', name: 'alice/after' }])
    await hub.as('alice').commit('alice/after', { 'a.txt': 'a' })
    expect((await events(2))[1]).toBe('update repo.content')
  })

  it('is told nothing of private repositories of others, and leaves no trace of them', async () => {
    const foreign = await make(
      [
        ['user', 'alice'],
        ['model', 'alice/hidden'],
      ],
      {},
      'bob',
    )
    await make([['model', 'alice/hidden']], { url: `${url}/own` })
    await create('hidden', true)
    await events(2)
    expect(new Set(received.map(each => each.path))).toEqual(new Set(['/hook/own']))
    expect(await log(foreign.id, 'bob')).toEqual([])
  })

  it('is told nothing any more when rights have gone between event and delivery', async () => {
    await create('closing')
    const foreign = await make([['model', 'alice/closing']], {}, 'bob')
    answer = 500
    await hub.as('alice').commit('alice/closing', { 'a.txt': 'a' })
    await events(1)
    await vi.waitFor(async () => expect(await log(foreign.id, 'bob')).toMatchObject([{ attempts: 1 }]))
    await hub.as('alice').put('/api/models/alice/closing/settings', { private: true })
    const [{ id }] = await log(foreign.id, 'bob')
    expect((await hub.as('bob').get(`${path}/${foreign.id}/deliveries/${id}`)).status).toBe(404)
    answer = 200
    vi.useFakeTimers({ toFake: ['Date'] })
    vi.setSystemTime(Date.now() + 60_000)
    await vi.waitFor(async () => expect(await log(foreign.id, 'bob')).toEqual([]), { timeout: 10_000 })
    expect(received).toHaveLength(1)
  })
})

describe('a delivery', () => {
  it('is in the log, can be looked at, and sent again', async () => {
    const { id } = await make([['model', 'alice/logged']])
    await create('logged')
    await events(2)
    await vi.waitFor(async () => {
      for (const each of await log(id)) {
        expect(each).toMatchObject({ state: 'delivered', status: 200, attempts: 1, error: null })
        expect(each.durationMs).toBeGreaterThanOrEqual(0)
      }
    })
    const [first] = await log(id)
    const one = `${path}/${id}/deliveries/${first.id}`
    const { payload } = (await hub.as('alice').get(one)).json()
    expect(payload.repo.name).toBe('alice/logged')
    expect((await hub.as('bob').get(one)).status).toBe(404)
    const again = await hub.as('alice').post(`${one}/redeliver`)
    expect(again.json().id).not.toBe(first.id)
    await events(3)
    expect(JSON.parse(received[2]!.text)).toEqual(payload)
  })

  it('that fails is tried again later and later, one for all, and says why', async () => {
    const { id } = await make([['model', 'alice/failing']])
    answer = 503
    await create('failing')
    await events(1)
    await vi.waitFor(async () => {
      const attempts = (await log(id)).map((each: { attempts: number }) => each.attempts).sort()
      expect(attempts).toEqual([0, 1])
    })
    const tried = (await log(id)).find((each: { attempts: number }) => each.attempts === 1)
    expect(tried).toMatchObject({ state: 'waiting', status: 503, error: 'answered 503' })
    answer = 200
    vi.useFakeTimers({ toFake: ['Date'] })
    vi.setSystemTime(Date.now() + 11_000)
    await vi.waitFor(
      async () => {
        expect((await log(id)).map((each: { state: string }) => each.state)).toEqual([
          'delivered',
          'delivered',
        ])
      },
      { timeout: 10_000 },
    )
    expect((await hub.as('alice').get(`${path}/${id}`)).json().webhook.failingSince).toBeNull()
  })

  it('is not sent where a redirect points', async () => {
    const { id } = await make([['model', 'alice/redirected']])
    answer = 302
    await create('redirected')
    await vi.waitFor(async () => {
      const errors = (await log(id)).map((each: { error: string | null }) => each.error)
      expect(errors).toContain('answered with a redirect, which is not followed')
    })
    expect(received.map(each => each.path)).toEqual(['/hook'])
  })

  it('is given up after a day, and a webhook that nothing reached for three is disabled', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    await create('dead')
    const { id } = await make([['model', 'alice/dead']])
    answer = 500
    for (let day = 0; day < 3; day++) {
      // Past the pause after the last failure.
      vi.setSystemTime(Date.now() + 7 * hour)
      const before = received.length
      await hub.as('alice').commit('alice/dead', { [`${day}.txt`]: 'x' })
      await events(before + 1)
      vi.setSystemTime(Date.now() + 25 * hour)
      await vi.waitFor(
        async () => {
          const last = (await log(id)).map((each: { state: string }) => each.state)
          expect(last).not.toContain('waiting')
        },
        { timeout: 10_000 },
      )
    }
    const { webhook } = (await hub.as('alice').get(`${path}/${id}`)).json()
    expect(webhook).toMatchObject({ disabled: true, disabledReason: expect.stringContaining('answered 500') })
    const enabled = (await hub.as('alice').post(`${path}/${id}/enable`)).json().webhook
    expect(enabled).toMatchObject({ disabled: false, disabledReason: null, failingSince: null })
  })
})

describe('the routes', () => {
  it('refuse what could not work or should not be', async () => {
    const refused = async (body: object) => (await hub.as('alice').post(path, body)).status
    expect(await refused({ watched: [] })).toBe(400)
    for (const bad of ['ftp://a.example/', 'not a url', 'https://me:pw@a.example/']) {
      expect([bad, await refused({ url: bad })]).toEqual([bad, 400])
    }
    expect(await refused({ url, domains: [] })).toBe(400)
    expect(await refused({ url, secret: 'two\r\nlines' })).toBe(400)
    expect(await refused({ url, watched: [{ type: 'bucket', name: 'a/b' }] })).toBe(400)
    expect(await refused({ url, watched: [{ type: 'model', name: 'a/b/c' }] })).toBe(400)
  })

  it('show webhooks to their owner alone', async () => {
    const { id } = await make([['user', 'alice']])
    for (const [method, rest] of [
      ['GET', ''],
      ['POST', ''],
      ['POST', '/enable'],
      ['POST', '/disable'],
      ['DELETE', ''],
      ['GET', '/deliveries'],
    ] as const) {
      const body = method === 'POST' ? {} : undefined
      expect((await hub.as('bob').send(method, `${path}/${id}${rest}`, body)).status).toBe(404)
    }
  })

  it('a disabled one sends nothing', async () => {
    const { id } = await make([['model', 'alice/quiet']])
    await make([['model', 'alice/quiet']], { url: `${url}/loud` })
    expect((await hub.as('alice').post(`${path}/${id}/disable`)).json().webhook.disabled).toBe(true)
    await create('quiet')
    await events(2)
    expect(new Set(received.map(each => each.path))).toEqual(new Set(['/hook/loud']))
  })
})
