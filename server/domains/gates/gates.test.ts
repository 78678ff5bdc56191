import { createHash } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { TestHub } from '../../hub-for-test.suite.ts'

let hub: TestHub
let repo: string
let made = 0

beforeAll(async () => {
  hub = await TestHub.open()
  for (const name of ['alice', 'bob', 'carol']) {
    await hub.hub.accounts.addUser({
      name,
      fullname: `${name} of the hill`,
      email: `${name}@example.com`,
      token: { value: name, name: 't', role: 'write' },
    })
  }
})
afterAll(() => hub.close())

const alice = () => hub.as('alice')
const bob = () => hub.as('bob')
const api = (path = '') => `/api/models/${repo}${path}`
const requests = async (status: string) => (await alice().get(api(`/user-access-request/${status}`))).json()
const handle = (body: Record<string, unknown>) => alice().post(api('/user-access-request/handle'), body)
const grant = (user: string) => alice().post(api('/user-access-request/grant'), { user })
const ask = (answers: Record<string, unknown> = {}) => bob().post(`/${repo}/ask-access`, answers)
const readme = (token?: string) => hub.as(token).get(`/${repo}/resolve/main/README.md`)

beforeEach(async () => {
  repo = `alice/gated-${++made}`
  await alice().post('/api/repos/create', { name: repo })
  await alice().commit(repo, {
    'README.md': '---\nextra_gated_fields:\n  Company: text\n  I agree: checkbox\n---\nThe card.\n',
  })
  await gate('manual')
})

const gate = async (gated: unknown) => {
  const answer = await alice().put(api('/settings'), { gated })
  expect([answer.status, answer.json().gated]).toEqual([200, gated])
}
const answers = { Company: 'Banyan', 'I agree': true }

describe('a gate', () => {
  it('is told of, and what is not content is told behind it too', async () => {
    expect((await bob().get(api())).json()).toMatchObject({ gated: 'manual', private: false })
    const listed = (await bob().get('/api/models?author=alice')).json() as { id: string; gated: unknown }[]
    expect(listed.find(({ id }) => id === repo)?.gated).toBe('manual')
    expect((await bob().get(api('/tree/main'))).json().map((file: { path: string }) => file.path)).toContain(
      'README.md',
    )
    await gate(false)
    expect((await bob().get(api())).json().gated).toBe(false)
    expect((await readme()).status).toBe(200)
  })

  it('refuses content with what the clients know it by, and with the way in', async () => {
    const refused = await readme('bob')
    expect([refused.status, refused.headers['x-error-code']]).toEqual([403, 'GatedRepo'])
    expect(refused.json().error).toMatch(
      /^Access to model alice\/gated-\d+ is restricted and you are not in the authorized list\./,
    )
    expect(refused.json().error).toContain(`http://hub.test/${repo}/ask-access`)
    const anonymous = await readme()
    expect([anonymous.status, anonymous.headers['x-error-code']]).toEqual([401, 'GatedRepo'])
    const signed = await bob().get(api('/xet-read-token/main'))
    expect([signed.status, signed.headers['x-error-code']]).toEqual([403, 'GatedRepo'])
  })

  it('asks what the card asks, and takes no request without the answers', async () => {
    const form = (await hub.as().get(`/${repo}/ask-access`)).json()
    expect(form).toEqual({
      gated: 'manual',
      fields: [
        { name: 'Company', type: 'text' },
        { name: 'I agree', type: 'checkbox' },
      ],
      shares: ['username', 'fullname', 'email'],
      request: null,
    })
    const refused = await ask({ Company: 'Banyan' })
    expect([refused.status, refused.json().error]).toEqual([
      400,
      'request for access: "I agree" must be agreed to: true',
    ])
    expect(await requests('pending')).toEqual([])
  })

  it('that is manual lets in whom an owner has accepted', async () => {
    const asked = await bob().send('POST', `/${repo}/ask-access`, 'Company=Banyan&I+agree=on', {
      'content-type': 'application/x-www-form-urlencoded',
    })
    expect([asked.status, asked.json()]).toEqual([200, { status: 'pending' }])
    expect((await readme('bob')).json().error).toMatch(/waits for an answer/)
    const [request] = await requests('pending')
    expect(request).toEqual({
      requestId: expect.stringMatching(/^[0-9a-f]{24}$/),
      user: {
        _id: expect.any(String),
        user: 'bob',
        fullname: 'bob of the hill',
        email: 'bob@example.com',
      },
      status: 'pending',
      timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
      fields: answers,
    })
    const own = (await bob().get(`/${repo}/ask-access`)).json().request
    expect(own).toMatchObject({ requestId: request.requestId, status: 'pending', fields: answers })
    expect((await handle({ requestId: request.requestId, status: 'accepted' })).status).toBe(200)
    expect((await readme('bob')).text).toContain('The card.')
    expect((await readme('carol')).status).toBe(403)
    expect([await requests('pending'), (await requests('accepted')).length]).toEqual([[], 1])
    expect((await ask(answers)).status).toBe(400)
  })

  it('that is automatic lets in whoever has answered', async () => {
    await gate('auto')
    expect((await readme('bob')).status).toBe(403)
    expect((await ask(answers)).json()).toEqual({ status: 'accepted' })
    expect((await readme('bob')).status).toBe(200)
  })

  it('lets answer anew while the owners have not decided, which counts by the gate as it is then', async () => {
    await ask(answers)
    await gate('auto')
    expect((await ask({ ...answers, Company: 'Another' })).json()).toEqual({ status: 'accepted' })
    expect((await requests('accepted'))[0].fields.Company).toBe('Another')
  })

  it('stays shut for whom the owners have rejected or put off, whatever that user does', async () => {
    await gate('auto')
    await ask(answers)
    for (const [status, more] of [
      ['rejected', { rejectionReason: 'no such company' }],
      ['pending', {}],
    ] as const) {
      expect((await handle({ user: 'bob', status, ...more })).status).toBe(200)
      expect((await readme('bob')).status).toBe(403)
      expect((await bob().delete(`/${repo}/ask-access`)).status).toBe(403)
      expect((await ask(answers)).status).toBe(403)
      expect((await readme('bob')).status).toBe(403)
    }
    await handle({ user: 'bob', status: 'rejected', rejectionReason: 'no such company' })
    const own = (await bob().get(`/${repo}/ask-access`)).json().request
    expect(own).toMatchObject({ status: 'rejected', rejectionReason: 'no such company' })
    expect((await ask(answers)).json().error).toContain('no such company')
  })

  it('forgets a request that is withdrawn, and access with it', async () => {
    await ask(answers)
    await handle({ user: 'bob', status: 'accepted' })
    expect((await bob().delete(`/${repo}/ask-access`)).status).toBe(204)
    expect((await readme('bob')).status).toBe(403)
    expect(await requests('accepted')).toEqual([])
    expect((await bob().delete(`/${repo}/ask-access`)).status).toBe(404)
  })

  it('opens by hand for whom the owners name, whose email they do not learn', async () => {
    expect((await grant('bob')).status).toBe(200)
    expect((await readme('bob')).status).toBe(200)
    const [request] = await requests('accepted')
    expect(request.user).toEqual({ _id: expect.any(String), user: 'bob', fullname: 'bob of the hill' })
    expect((await grant('bob')).status).toBe(400)
    expect((await grant('nobody')).status).toBe(404)
  })

  it('answers what would change nothing with 404, and what has no gate with 400', async () => {
    await grant('bob')
    expect((await handle({ user: 'bob', status: 'accepted' })).status).toBe(404)
    expect((await handle({ user: 'bob', status: 'pending' })).status).toBe(200)
    expect((await handle({ user: 'bob', status: 'pending' })).status).toBe(404)
    expect((await handle({ user: 'carol', status: 'accepted' })).status).toBe(404)
    expect((await handle({ requestId: 'f'.repeat(24), status: 'accepted' })).status).toBe(404)
    expect((await handle({ status: 'accepted' })).status).toBe(400)
    expect((await handle({ user: 'bob', status: 'rejected', rejectionReason: 'x'.repeat(201) })).status).toBe(
      400,
    )
    await gate(false)
    const open = [await ask(answers), await grant('carol'), await handle({ user: 'bob', status: 'accepted' })]
    expect(open.map(({ status }) => status)).toEqual([400, 400, 400])
  })

  it('decides on the requests of its own repository only', async () => {
    await ask(answers)
    const [{ requestId }] = await requests('pending')
    await bob().post('/api/repos/create', { name: 'own' })
    await bob().put('/api/models/bob/own/settings', { gated: 'manual' })
    const tried = await bob().post('/api/models/bob/own/user-access-request/handle', {
      requestId,
      status: 'accepted',
    })
    expect([tried.status, (await readme('bob')).status]).toEqual([404, 403])
  })

  it('shows its lists a page at a time, and all of it as a report', async () => {
    await grant('carol')
    await ask(answers)
    await handle({ user: 'bob', status: 'accepted' })
    const first = await alice().get(api('/user-access-request/accepted?limit=1'))
    const next = /<http:\/\/hub\.test([^>]+)>; rel="next"/.exec(first.headers.link ?? '')?.[1]
    const second = await alice().get(String(next))
    const names = [...first.json(), ...second.json()].map(({ user }: { user: { user: string } }) => user.user)
    expect(names.sort()).toEqual(['bob', 'carol'])
    expect(second.headers.link).toBeUndefined()
    const report = await alice().get(api('/user-access-request/report'))
    const lines = report.text.trim().split('\n')
    expect(lines.map(line => JSON.parse(line).user.user).sort()).toEqual(['bob', 'carol'])
  })

  it('takes no request that a page of another site made a browser send', async () => {
    const sent = await bob().post(`/${repo}/ask-access`, answers, { 'sec-fetch-site': 'cross-site' })
    expect([sent.status, await requests('pending')]).toEqual([403, []])
  })

  it('goes with its repository', async () => {
    await ask(answers)
    await alice().delete('/api/repos/delete', { name: repo })
    await alice().post('/api/repos/create', { name: repo })
    await gate('manual')
    expect(await requests('pending')).toEqual([])
  })

  it('keeps deduplication from telling what is behind it', async () => {
    const { blobs, repos } = hub.hub
    const { id } = await repos.find('model', 'alice', repo.split('/')[1]!)
    const bytes = Buffer.from(`weights of ${repo}`)
    const { sha256 } = await blobs.ingest(
      id,
      (async function* () {
        yield bytes
      })(),
      { sha256: createHash('sha256').update(bytes).digest('hex'), size: bytes.length },
    )
    await alice().commit(repo, { 'w.bin': { sha256, size: bytes.length } })
    const readable = async (name: string) => {
      const account = await hub.hub.accounts.findAccount(name)
      return (await blobs.findReadable(account?.id, [sha256])).has(sha256)
    }
    expect([await readable('alice'), await readable('bob')]).toEqual([true, false])
    expect((await blobs.findReadable(undefined, [sha256])).size).toBe(0)
    await grant('bob')
    expect(await readable('bob')).toBe(true)
  })
})
