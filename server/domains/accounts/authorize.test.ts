import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { TestHub } from '../../hub-for-test.suite.ts'

/** "Sign in with this hub" as an application and a browser see it; `make client-suites` has @huggingface/hub do it. */

const minute = 60_000
const redirect_uri = 'http://localhost:3000/back?page=1'
const form = { 'content-type': 'application/x-www-form-urlencoded' }

let hub: TestHub
let browser: Record<string, string>
beforeAll(async () => {
  hub = await TestHub.open()
  await hub.hub.accounts.addUser({ name: 'alice', password: 'correct horse', email: 'a@example.org' })
  await hub.hub.accounts.addUser({ name: 'bob', token: { value: 'bob', name: 'b', role: 'write' } })
  const login = await hub.as().post('/api/login', { name: 'alice', password: 'correct horse' })
  browser = { cookie: login.headers['set-cookie']!.split(';')[0]!, 'sec-fetch-site': 'same-origin' }
  for (const name of ['secret', 'other'])
    await hub.as().post('/api/repos/create', { name, private: true }, browser)
  vi.useFakeTimers({ toFake: ['Date'] })
})
afterAll(async () => {
  vi.useRealTimers()
  await hub.close()
})

const verifier = randomBytes(40).toString('base64url')
const asked = {
  client_id: 'dummy-app',
  redirect_uri,
  response_type: 'code',
  scope: 'openid profile',
  state: '{"nonce":"n"}',
  code_challenge: createHash('sha256').update(verifier).digest('base64url'),
  code_challenge_method: 'S256',
}
const queryOf = (changed: Record<string, string> = {}) =>
  new URLSearchParams({ ...asked, ...changed }).toString()

function page(changed: Record<string, string> = {}, headers = browser) {
  return hub.as().get(`/oauth/authorize?${queryOf(changed)}`, headers)
}

async function decide(changed: Record<string, string> = {}, answer = 'allow', headers = browser) {
  const said = await hub
    .as()
    .post(`/oauth/authorize?${queryOf(changed)}`, `answer=${answer}`, { ...form, ...headers })
  const back = said.headers.location ? new URL(said.headers.location) : undefined
  return { ...said, back: Object.fromEntries(back?.searchParams ?? []), place: back?.origin }
}

async function exchange(code: string, changed: Record<string, string> = {}) {
  const answer = await hub.as().post(
    '/oauth/token',
    new URLSearchParams({
      grant_type: 'authorization_code',
      code,
      redirect_uri,
      code_verifier: verifier,
      ...changed,
    }).toString(),
    form,
  )
  return { status: answer.status, ...answer.json() }
}

async function tokenFor(scope: string): Promise<string> {
  const { back } = await decide({ scope })
  return (await exchange(back.code ?? '')).access_token
}

describe('an application', () => {
  it('finds its way by the discovery document', async () => {
    const found = await hub.as().get('/.well-known/openid-configuration')
    expect(found.json()).toMatchObject({
      authorization_endpoint: 'http://hub.test/oauth/authorize',
      token_endpoint: 'http://hub.test/oauth/token',
      userinfo_endpoint: 'http://hub.test/oauth/userinfo',
      code_challenge_methods_supported: ['S256'],
    })
  })

  it('gets a code by way of the browser, for it a token that ends in eight hours, and learns who it is', async () => {
    const { status, back, place } = await decide()
    expect([status, place]).toEqual([303, 'http://localhost:3000'])
    expect(back).toEqual({ page: '1', state: asked.state, code: expect.stringMatching(/^[\w-]{43}$/) })
    const issued = await exchange(back.code!)
    expect(issued).toEqual({
      status: 200,
      access_token: expect.stringMatching(/^hf_/),
      token_type: 'Bearer',
      expires_in: 28_800,
      scope: 'openid profile email',
    })
    const me = await hub.as(issued.access_token).get('/oauth/userinfo')
    expect(me.json()).toMatchObject({
      preferred_username: 'alice',
      email: 'a@example.org',
      profile: 'http://hub.test/alice',
      orgs: [],
    })
    vi.setSystemTime(Date.now() + 28_800_000)
    expect((await hub.as(issued.access_token).get('/oauth/userinfo')).status).toBe(401)
    const login = await hub.as().post('/api/login', { name: 'alice', password: 'correct horse' })
    browser.cookie = login.headers['set-cookie']!.split(';')[0]!
  })

  it('does no more than it was granted', async () => {
    const look = async (scope: string) => {
      const token = hub.as(await tokenFor(scope))
      const read = await token.get('/api/models/alice/secret')
      const written = await token.send('PUT', '/api/models/alice/other/settings', { private: true })
      const keys = await token.get('/api/settings/tokens')
      return [read.status, written.status, keys.status]
    }
    expect(await look('openid profile')).toEqual([404, 404, 403])
    expect(await look('openid read-repos')).toEqual([200, 403, 403])
    expect(await look('openid write-repos')).toEqual([200, 200, 403])
  })

  it('cannot use a code twice, late, for another address, without the secret, or after somebody has tried', async () => {
    const fresh = async () => (await decide()).back.code!
    const refused = { status: 400, error: 'invalid_grant' }
    const used = await fresh()
    expect(await exchange(used)).toMatchObject({ status: 200 })
    expect(await exchange(used)).toMatchObject(refused)
    expect(await exchange(await fresh(), { redirect_uri: 'http://localhost:3000/' })).toMatchObject(refused)
    expect(await exchange(await fresh(), { client_id: 'another' })).toMatchObject(refused)
    const tried = await fresh()
    expect(await exchange(tried, { code_verifier: 'guess' })).toMatchObject(refused)
    expect(await exchange(tried)).toMatchObject(refused)
    const late = await fresh()
    vi.setSystemTime(Date.now() + 5 * minute)
    expect(await exchange(late)).toMatchObject(refused)
    expect(await exchange('')).toMatchObject({ status: 400, error: 'invalid_request' })
  })

  it('hears by way of the browser that its question is wrong, or the answer no', async () => {
    expect((await decide({}, 'deny')).back).toMatchObject({ error: 'access_denied', state: asked.state })
    const wrong = async (changed: Record<string, string>) => {
      const { status, headers } = await page(changed)
      return [status, new URL(headers.location!).searchParams.get('error')]
    }
    expect(await wrong({ response_type: 'token' })).toEqual([303, 'unsupported_response_type'])
    expect(await wrong({ code_challenge_method: 'plain' })).toEqual([303, 'invalid_request'])
    expect(await wrong({ code_challenge: 'short' })).toEqual([303, 'invalid_request'])
  })

  it('elsewhere than on the own machine must have registered the very address', async () => {
    const address = 'https://app.example/back'
    const refused = await page({ redirect_uri: address })
    expect([refused.status, refused.headers.location]).toEqual([400, undefined])
    const register = (redirect_uris: string[]) =>
      hub.as().post('/oauth/register', { client_name: '<App>', redirect_uris })
    const { client_id } = (await register([address])).json()
    expect((await page({ redirect_uri: address, client_id })).text).toContain('&#60;App&#62;')
    expect((await decide({ redirect_uri: address, client_id })).place).toBe('https://app.example')
    expect((await page({ redirect_uri: `${address}/2`, client_id })).status).toBe(400)
    expect((await page({ redirect_uri: address, client_id: `x${client_id}` })).status).toBe(400)
    for (const bad of ['http://app.example/', 'javascript:alert(1)', 'nonsense']) {
      expect((await register([bad])).json().error).toBe('invalid_redirect_uri')
      expect((await page({ redirect_uri: bad })).status).toBe(400)
    }
  })
})

describe('the page', () => {
  it('asks for the password first, keeps the question, and names the address and what is granted', async () => {
    const nobody = await page({ scope: 'read-repos' }, {})
    expect(nobody.text).toContain('<input name="password" type="password"')
    const signIn = (password: string) =>
      hub
        .as()
        .post(
          `/oauth/authorize/login?${queryOf()}`,
          new URLSearchParams({ name: 'alice', password }).toString(),
          form,
        )
    expect((await signIn('wrong horse')).text).toContain('do not belong together')
    const signedIn = await signIn('correct horse')
    expect([signedIn.status, signedIn.headers.location]).toEqual([303, `/oauth/authorize?${queryOf()}`])
    const shown = await page({ scope: 'read-repos' }, { cookie: signedIn.headers['set-cookie']! })
    for (const words of ['localhost:3000', '<strong>alice</strong>', 'read all repositories'])
      expect(shown.text).toContain(words)
    expect(shown.headers['content-security-policy']).toContain(
      "form-action 'self' http://localhost:3000; frame-ancestors 'none'",
    )
    expect((await page({}, { ...browser, 'accept-language': 'zh' })).text).toContain('登录应用')
  })

  it('lets nobody answer for the user: not a page of another site, not a token, not nobody', async () => {
    const { cookie } = browser as { cookie: string }
    for (const [headers, status] of [
      [{ cookie, 'sec-fetch-site': 'cross-site' }, 403],
      [{ cookie }, 403],
      [{ authorization: 'Bearer bob' }, 403],
      [{}, 401],
    ] as [Record<string, string>, number][]) {
      expect((await decide({}, 'allow', headers)).status).toBe(status)
    }
  })
})
