import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { TestHub } from '../../hub-for-test.suite.ts'

/** The device flow as a program and a browser see it; `test/clients/login.test.ts` has the real program. */

const client_id = '26be6b09-91c5-47da-9861-d2d2bb7a7e36'
const minute = 60_000
const day = 24 * 60 * minute
const form = { 'content-type': 'application/x-www-form-urlencoded' }

let hub: TestHub
let browser: Record<string, string>
beforeAll(async () => {
  hub = await TestHub.open()
  await hub.hub.accounts.addUser({ name: 'alice', password: 'correct horse' })
})
afterAll(() => hub.close())
beforeAll(() => {
  vi.useFakeTimers({ toFake: ['Date'] })
})
afterAll(() => {
  vi.useRealTimers()
})
beforeEach(async () => {
  const login = await hub.as().post('/api/login', { name: 'alice', password: 'correct horse' })
  browser = { cookie: login.headers['set-cookie']!.split(';')[0]!, 'sec-fetch-site': 'same-origin' }
})

function pass(milliseconds: number): void {
  vi.setSystemTime(Date.now() + milliseconds)
}

function post(path: string, fields: Record<string, string>, headers: Record<string, string> = {}) {
  return hub.as().post(path, new URLSearchParams(fields).toString(), { ...form, ...headers })
}

async function begin() {
  const answer = await post('/oauth/device', { client_id }, { 'user-agent': 'hf/2 <b>' })
  expect(answer.status).toBe(200)
  return answer.json()
}

async function poll(device_code: string, more: Record<string, string> = {}) {
  const answer = await post('/oauth/token', {
    grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
    device_code,
    client_id,
    ...more,
  })
  return { status: answer.status, ...answer.json() }
}

async function refresh(refresh_token: string) {
  const answer = await post('/oauth/token', { grant_type: 'refresh_token', refresh_token, client_id })
  return { status: answer.status, ...answer.json() }
}

function decide(user_code: string, answer = 'allow', role = 'write', headers = browser) {
  return post('/oauth/device/answer', { user_code, answer, role }, headers)
}

function page(user_code: string, headers: Record<string, string> = browser) {
  return hub.as().get(`/oauth/device?user_code=${user_code}`, headers)
}

async function letIn(role = 'write') {
  const { device_code, user_code } = await begin()
  expect((await decide(user_code, 'allow', role)).status).toBe(200)
  return await poll(device_code)
}

describe('a program', () => {
  it('is told where its user goes, with which code, and how often it may ask', async () => {
    const begun = await begin()
    expect(begun).toEqual({
      device_code: expect.stringMatching(/^[\w-]{43}$/),
      user_code: expect.stringMatching(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/),
      verification_uri: 'http://hub.test/oauth/device',
      verification_uri_complete: `http://hub.test/oauth/device?user_code=${begun.user_code}`,
      expires_in: 900,
      interval: 2,
    })
  })

  it('waits, and gets a token of its user that ends in thirty days; once', async () => {
    const { device_code, user_code } = await begin()
    expect(await poll(device_code)).toMatchObject({ status: 400, error: 'authorization_pending' })
    expect((await decide(user_code)).text).toContain('The program is signed in')
    pass(2000)
    const issued = await poll(device_code)
    expect(issued).toEqual({
      status: 200,
      access_token: expect.stringMatching(/^hf_[A-Za-z0-9]{34}$/),
      token_type: 'Bearer',
      expires_in: 30 * 24 * 60 * 60,
      refresh_token: expect.stringMatching(/^[\w-]{43}$/),
      scope: 'write',
    })
    const { name, auth } = (await hub.as(issued.access_token).get('/api/whoami-v2')).json()
    expect([name, auth.accessToken.role]).toEqual(['alice', 'write'])
    expect(auth.accessToken.displayName).toMatch(/^hf-login-\d{4}-\d\d-\d\d$/)
    expect(await poll(device_code)).toMatchObject({ status: 400, error: 'invalid_grant' })
    pass(30 * day)
    expect((await hub.as(issued.access_token).get('/api/whoami-v2')).status).toBe(401)
  })

  it('that asks too soon is slowed down, five seconds more each time', async () => {
    const { device_code } = await begin()
    const errors: string[] = []
    for (const wait of [0, 1000, 6000, 12_000]) {
      pass(wait)
      errors.push((await poll(device_code)).error)
    }
    expect(errors).toEqual(['authorization_pending', 'slow_down', 'slow_down', 'authorization_pending'])
  })

  it('hears that it was refused, and that its time is over', async () => {
    const refused = await begin()
    expect((await decide(refused.user_code, 'deny')).text).toContain('refused')
    expect(await poll(refused.device_code)).toMatchObject({ status: 400, error: 'access_denied' })
    const late = await begin()
    pass(15 * minute)
    expect(await poll(late.device_code)).toMatchObject({ status: 400, error: 'expired_token' })
    expect((await decide(late.user_code)).text).toContain('No program waits with this code')
    expect(await poll(late.device_code)).toMatchObject({ status: 400, error: 'expired_token' })
  })

  it('hears in the words of OAuth what is wrong with its question', async () => {
    const { device_code } = await begin()
    expect(await poll('nonsense')).toMatchObject({ status: 400, error: 'invalid_grant' })
    expect(await poll(device_code, { client_id: 'another' })).toMatchObject({ error: 'invalid_grant' })
    expect(await poll('')).toMatchObject({
      error: 'invalid_request',
      error_description: 'device_code is missing',
    })
    expect((await post('/oauth/device', {})).json().error).toBe('invalid_request')
    expect((await post('/oauth/token', { client_id, grant_type: 'password' })).json().error).toBe(
      'unsupported_grant_type',
    )
  })

  it('reads only, if its user says so', async () => {
    const { access_token } = await letIn('read')
    expect((await hub.as(access_token).get('/api/whoami-v2')).status).toBe(200)
    expect((await hub.as(access_token).post('/api/repos/create', { name: 'r' })).status).toBe(403)
  })

  it('leaves nothing in the database that would open anything', async () => {
    const waiting = await begin()
    const issued = await letIn()
    const sql = hub.hub.database.sql.withTables<{
      device_codes: object
      refresh_tokens: object
      access_tokens: object
    }>()
    const rows = JSON.stringify([
      await sql.selectFrom('device_codes').selectAll().execute(),
      await sql.selectFrom('refresh_tokens').selectAll().execute(),
      await sql.selectFrom('access_tokens').selectAll().execute(),
    ])
    for (const secret of [
      waiting.device_code,
      waiting.user_code,
      issued.access_token,
      issued.refresh_token,
    ]) {
      expect(rows).not.toContain(secret)
    }
  })
})

describe('a refresh token', () => {
  it('gives new tokens of the same name and role; the old access token has a day left', async () => {
    const first = await letIn('read')
    pass(2 * day)
    const second = await refresh(first.refresh_token)
    expect(second).toMatchObject({ status: 200, expires_in: 30 * 24 * 60 * 60, scope: 'read' })
    expect(second.access_token).not.toBe(first.access_token)
    const works = async ({ access_token }: { access_token: string }) =>
      (await hub.as(access_token).get('/api/whoami-v2')).status
    expect([await works(first), await works(second)]).toEqual([200, 200])
    pass(day)
    expect([await works(first), await works(second)]).toEqual([401, 200])
    expect(await refresh(second.refresh_token)).toMatchObject({ status: 200 })
  })

  it('may be shown again at once, by a program whose answer was lost; later it is stolen, and all is over', async () => {
    const first = await letIn()
    await refresh(first.refresh_token)
    pass(9 * minute)
    const again = await refresh(first.refresh_token)
    expect(again.status).toBe(200)
    pass(11 * minute)
    expect(await refresh(first.refresh_token)).toMatchObject({ status: 400, error: 'invalid_grant' })
    expect((await hub.as(again.access_token).get('/api/whoami-v2')).status).toBe(401)
    expect(await refresh(again.refresh_token)).toMatchObject({ error: 'invalid_grant' })
  })

  it('is worthless when the access token was revoked, after ninety days, and to another program', async () => {
    const first = await letIn()
    const { id } = (await hub.as(first.access_token).get('/api/settings/tokens'))
      .json()
      .find((token: { isCurrent: boolean }) => token.isCurrent)
    const other = await post('/oauth/token', {
      grant_type: 'refresh_token',
      refresh_token: first.refresh_token,
      client_id: 'another',
    })
    expect(other.json().error).toBe('invalid_grant')
    await hub.as().send('DELETE', `/api/settings/tokens/${id}`, undefined, browser)
    expect(await refresh(first.refresh_token)).toMatchObject({ status: 400, error: 'invalid_grant' })
    const unused = await letIn()
    pass(91 * day)
    expect(await refresh(unused.refresh_token)).toMatchObject({ status: 400, error: 'invalid_grant' })
  })
})

describe('the pages', () => {
  it('ask for the password first, then show code, program, account and what it may do, and run no script', async () => {
    const { user_code } = await begin()
    const nobody = await page(user_code, {})
    expect(nobody.text).toContain('<input name="password" type="password"')
    expect(nobody.text).not.toContain('hf auth login')
    const signedIn = await post('/oauth/device/login', {
      name: 'alice',
      password: 'correct horse',
      user_code,
    })
    expect([signedIn.status, signedIn.headers.location]).toEqual([
      303,
      `/oauth/device?user_code=${user_code}`,
    ])
    const cookie = signedIn.headers['set-cookie']!
    const shown = await page(user_code, { cookie })
    for (const words of [
      user_code,
      'hf auth login',
      'hf/2 &#60;b&#62;',
      '<strong>alice</strong>',
      'Read and write all',
    ]) {
      expect(shown.text).toContain(words)
    }
    expect(shown.headers['content-security-policy']).toMatch(
      /^default-src 'none'; style-src 'sha256-[\w+/=]+'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'$/,
    )
    expect(shown.headers['cache-control']).toBe('no-store')
    expect(shown.text).not.toMatch(/<script|<b>/)
  })

  it('are in the language of the browser, and shown again for a wrong password', async () => {
    const chinese = { 'accept-language': 'zh-CN,zh;q=0.9,en;q=0.8' }
    expect((await page('', { ...browser, ...chinese })).text).toContain('<html lang="zh">')
    expect((await page('', { ...browser, ...chinese })).text).toContain('请输入程序显示的代码')
    expect((await page('', { ...browser, 'accept-language': 'en-GB, zh' })).text).toContain(
      '<html lang="en">',
    )
    const wrong = await post('/oauth/device/login', {
      name: 'alice',
      password: 'wrong horse',
      user_code: '"><b>',
    })
    expect(wrong.text).toContain('do not belong together')
    expect(wrong.text).toContain('value="&#34;&#62;&#60;b&#62;"')
    expect(wrong.headers['set-cookie']).toBeUndefined()
  })

  it('take the code however it is typed', async () => {
    const { user_code } = await begin()
    expect((await page(encodeURIComponent(` ${user_code.toLowerCase().replace('-', ' ')}`))).text).toContain(
      user_code,
    )
  })

  it('let nobody answer for the user: not a page of another site, not a token, not nobody', async () => {
    const { device_code, user_code } = await begin()
    const { cookie } = browser as { cookie: string }
    const { access_token } = await letIn()
    for (const [headers, status] of [
      [{ cookie, 'sec-fetch-site': 'cross-site' }, 403],
      [{ cookie }, 403],
      [{ authorization: `Bearer ${access_token}` }, 403],
      [{}, 401],
    ] as const) {
      expect((await decide(user_code, 'allow', 'write', headers)).status).toBe(status)
    }
    expect(
      (
        await post(
          '/oauth/device/login',
          { name: 'alice', password: 'correct horse', user_code },
          { origin: 'http://evil.example' },
        )
      ).status,
    ).toBe(403)
    expect(await poll(device_code)).toMatchObject({ error: 'authorization_pending' })
  })

  it('cannot be asked for one code after the other', async () => {
    const { device_code, user_code } = await begin()
    for (let tries = 0; tries < 10; tries++) await page('BBBB-BBBB')
    expect((await page(user_code)).text).toContain('Too many wrong attempts')
    expect((await decide(user_code)).text).toContain('Too many wrong attempts')
    expect(await poll(device_code)).toMatchObject({ error: 'authorization_pending' })
    pass(15 * minute)
    expect((await page((await begin()).user_code)).text).toContain('Let it in')
  })
})
