import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Call } from '../../http/route.ts'
import { basic, openAccountsForTest } from './accounts-for-test.suite.ts'

describe('GET /api/whoami-v2', () => {
  let hub: Awaited<ReturnType<typeof openAccountsForTest>>
  beforeEach(async () => {
    hub = await openAccountsForTest()
  })
  afterEach(() => hub.close())

  async function whoAmI(authorization: string): Promise<unknown> {
    const [route] = hub.accounts.routes
    expect(route).toMatchObject({ method: 'GET', path: '/api/whoami-v2', grant: 'signed-in' })
    const answer = await route!.handle({ actor: await hub.accounts.identify(authorization) } as Call)
    return JSON.parse(JSON.stringify(answer))
  }

  it('answers what the test of @huggingface/hub compares (who-am-i.spec.ts), and no key more', async () => {
    await hub.accounts.addUser({
      name: 'hub.js',
      fullname: '@huggingface/hub CI bot',
      email: 'bot@example.org',
      token: { value: 'hf_hub.js', name: 'ci-hub.js', role: 'write' },
    })
    expect(await whoAmI('Bearer hf_hub.js')).toEqual({
      type: 'user',
      id: expect.stringMatching(/^[0-9a-f]{24}$/),
      name: 'hub.js',
      fullname: '@huggingface/hub CI bot',
      email: 'bot@example.org',
      emailVerified: true,
      canPay: false,
      isPro: false,
      periodEnd: null,
      avatarUrl: expect.stringMatching(/^data:image\/svg\+xml,/),
      billingMode: 'postpaid',
      orgs: [],
      auth: {
        type: 'access_token',
        accessToken: { displayName: 'ci-hub.js', role: 'write', createdAt: '2030-01-01T00:00:00.000Z' },
      },
    })
  })

  it('names organisations with the role there, and a fine-grained token as clients spell it', async () => {
    const alice = await hub.accounts.addUser({ name: 'alice' })
    await hub.accounts.addUser({ name: 'bob' })
    const acme = await hub.accounts.addOrganization({
      name: 'Acme',
      members: [{ user: 'alice', role: 'read' }],
    })
    await hub.accounts.addOrganization({ name: 'abba', members: [{ user: 'alice', role: 'admin' }] })
    await hub.accounts.addOrganization({ name: 'others', members: [{ user: 'bob', role: 'admin' }] })
    const scopes = [{ target: { kind: 'account', id: alice.id }, access: 'read' }] as const
    const { token } = await hub.accounts.addToken('alice', { name: 'ci', role: 'fine-grained', scopes })
    const answer = await whoAmI(`Bearer ${token}`)
    expect(answer).toMatchObject({
      email: null,
      emailVerified: false,
      orgs: [{ name: 'abba', roleInOrg: 'admin' }, { name: 'Acme' }],
      auth: { accessToken: { displayName: 'ci', role: 'fineGrained' } },
    })
    expect((answer as { orgs: unknown[] }).orgs[1]).toEqual({
      type: 'org',
      id: acme.id,
      name: 'Acme',
      fullname: 'Acme',
      email: null,
      canPay: false,
      avatarUrl: expect.stringMatching(/^data:image\/svg\+xml,/),
      periodEnd: null,
      roleInOrg: 'read',
    })
  })

  it('says so when the credential is a password', async () => {
    await hub.accounts.addUser({ name: 'alice', password: 'correct horse' })
    expect(await whoAmI(basic('alice', 'correct horse'))).toMatchObject({ auth: { type: 'password' } })
  })
})
