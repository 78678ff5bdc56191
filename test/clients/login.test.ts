import { beforeAll, describe, expect, it } from 'vitest'
import { newMachine } from './run.ts'
import { useHub } from './use-hub.ts'

/** How people and programs come in: from a browser, and not too often. */

const quota = { quota: 4, window: 3 }
const hub = useHub([
  '--trusted-proxies',
  '127.0.0.1',
  '--rate-limits',
  `api=${quota.quota},window=${quota.window}`,
])
const grace = { user: 'grace', password: 'correct horse' }

beforeAll(async () => {
  await hub().runCli(['user', 'add', grace.user, '--password-stdin'], grace.password)
})

describe('hf auth login', () => {
  it('without a token: a person lets it in from a browser, or does not; it renews what it got', async () => {
    const machine = await newMachine(hub().url)
    const known = await machine.python<Record<string, unknown>>('login', grace)
    expect(known).toEqual({
      user: 'grace',
      role: 'write',
      storedAs: known.calledHere,
      calledHere: expect.stringMatching(/^hf-login-\d{4}-\d\d-\d\d$/),
      expiresAt: expect.any(Number),
      renewedFor: 30 * 24 * 60 * 60,
    })
    expect(Number(known.expiresAt) * 1000).toBeGreaterThan(Date.now() + 29 * 24 * 60 * 60_000)
    expect(await machine.run('hf', ['auth', 'whoami', '--format', 'json'])).toContain('"grace"')
    // What signs in is in no log.
    expect(await hub().wholeLog()).not.toMatch(/user_code=|hf_[A-Za-z0-9]{34}|correct horse/)
  })
})

describe('a client that asks too often', () => {
  it('waits as long as it is told, and succeeds', async () => {
    const machine = await newMachine(hub().url, hub().token)
    const warnings = await machine.python<string[]>('rate_limit', quota)
    expect(warnings.join()).toMatch(
      /429 thrown while requesting GET .*\/api\/models.*Rate limited. Waiting [1-4]\.0s/,
    )
  })

  it('is never one on this machine', async () => {
    const statuses = await Promise.all(
      Array.from({ length: 20 }, async () => (await fetch(`${hub().url}/api/models`)).status),
    )
    expect(new Set(statuses)).toEqual(new Set([200]))
  })
})
