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
