import { expect, it } from 'vitest'
import { ConfigFaults, readConfig } from './config.ts'

it('has defaults that are safe: this machine only', () => {
  expect(readConfig({}, {})).toMatchObject({ host: '127.0.0.1', port: 8484, role: ['web', 'worker'] })
})

it('takes variables, and flags before them', () => {
  const environment = {
    BANYAN_PORT: '1000',
    BANYAN_PUBLIC_URL: 'https://hub.example/',
    BANYAN_DATA: '/srv/hub',
  }
  expect(readConfig({ port: '2000' }, environment)).toMatchObject({
    port: 2000,
    publicUrl: 'https://hub.example',
    data: '/srv/hub',
  })
})

it('names every fault at once, by flag and variable', () => {
  try {
    readConfig({ port: '99999', role: 'web,wroker' }, { BANYAN_PUBLIC_URL: 'ftp://x' })
    expect.unreachable()
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigFaults)
    const text = (error as ConfigFaults).faults.join('\n')
    expect(text).toMatch(/--port \(BANYAN_PORT\)/)
    expect(text).toMatch(/--role \(BANYAN_ROLE\): must be web, worker/)
    expect(text).toMatch(/--public-url \(BANYAN_PUBLIC_URL\)/)
  }
})

it('limits generously unless told otherwise, and not at all when off', () => {
  const quotasOf = (rateLimits?: string) => readConfig({ rateLimits }, {}).rateLimits
  expect(quotasOf()?.requests.api).toBeGreaterThanOrEqual(10_000)
  expect(quotasOf('api=5,window=2')).toEqual({
    windowMs: 2000,
    requests: { ...quotasOf()?.requests, api: 5 },
  })
  expect(quotasOf('off')).toBeUndefined()
  for (const wrong of ['on', 'api=0', 'api=x', 'apis=3', 'api=3;pages=3']) {
    expect(() => quotasOf(wrong)).toThrow('--rate-limits (BANYAN_RATE_LIMITS): must be off, or like')
  }
})

it('takes sizes with their unit', () => {
  const bytesOf = (gitCache?: string) => readConfig({ gitCache }, {}).gitCache
  expect(bytesOf()).toBe(10 * 2 ** 30)
  expect([bytesOf('500MiB'), bytesOf('1.5 TiB')]).toEqual([500 * 2 ** 20, 1.5 * 2 ** 40])
  for (const wrong of ['10', '10GB', '-1GiB', 'GiB', '1e3GiB'])
    expect(() => bytesOf(wrong)).toThrow(
      '--git-cache (BANYAN_GIT_CACHE): must be a number of MiB, GiB or TiB',
    )
})

it('takes proxies by address and by network', () => {
  const proxiesOf = (trustedProxies?: string) => readConfig({ trustedProxies }, {}).trustedProxies
  expect(proxiesOf()).toEqual([])
  expect(proxiesOf('10.0.0.1, 10.1.0.0/16,::1')).toEqual(['10.0.0.1', '10.1.0.0/16', '::1'])
  for (const wrong of ['proxy.example', '10.0.0.0/33', '10.0.0.1/x'])
    expect(() => proxiesOf(wrong)).toThrow('--trusted-proxies')
})
