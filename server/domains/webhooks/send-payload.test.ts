import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { isPublicAddress } from './public-address.ts'
import { sendPayload } from './send-payload.ts'

/** Where payloads must not go, however it is spelled. */

const names: Record<string, { address: string; family: 4 | 6 }[]> = {
  'inside.example': [{ address: '10.0.0.7', family: 4 }],
  'mixed.example': [
    { address: '93.184.215.14', family: 4 },
    { address: '127.0.0.1', family: 4 },
  ],
  'six.example': [{ address: '::1', family: 6 }],
}
vi.mock(import('node:dns'), async original => ({
  ...(await original()),
  lookup: ((name: string, _: object, done: (error: Error | null, found: object[]) => void) => {
    asked.push(name)
    done(null, names[name] ?? [])
  }) as never,
}))
const asked: string[] = []

let port: number
let visits = 0
const server = createServer((_, response) => {
  visits++
  response.end()
})
beforeAll(async () => {
  await new Promise<void>(settle => server.listen(0, '127.0.0.1', settle))
  port = (server.address() as AddressInfo).port
})
afterAll(() => {
  server.close()
})

const send = (url: string, targets: 'public' | 'any' = 'public') =>
  sendPayload({ url, secret: null, deliveryId: 'd', targets }, '{}')

describe('a payload', () => {
  it.each([
    '127.0.0.1',
    '2130706433',
    '0x7f.1',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '169.254.169.254',
    '10.0.0.1',
    '0',
  ])('does not go to http://%s', async host => {
    const attempt = await send(`http://${host}:${port}/`)
    expect(attempt.error).toContain('is not a public address')
    expect(attempt.status).toBeUndefined()
    expect(visits).toBe(0)
  })

  it.each(Object.keys(names))(
    'does not go to %s, whose name means a private address when it is used',
    async name => {
      const attempt = await send(`http://${name}:${port}/`)
      expect(asked).toContain(name)
      expect(attempt.error).toContain(`${name} is not a public address`)
      expect(visits).toBe(0)
    },
  )

  it('goes to them where the hub allows it, and says so when nobody is there', async () => {
    expect(await send(`http://127.0.0.1:${port}/`, 'any')).toMatchObject({ status: 200 })
    expect(visits).toBe(1)
    expect((await send('http://127.0.0.1:1/', 'any')).error).toContain('ECONNREFUSED')
  })
})

it.each([
  ['8.8.8.8', true],
  ['93.184.215.14', true],
  ['2606:4700::1111', true],
  ['100.64.0.1', false],
  ['192.168.1.1', false],
  ['172.31.255.255', false],
  ['172.32.0.1', true],
  ['224.0.0.1', false],
  ['255.255.255.255', false],
  ['fe80::1', false],
  ['fd00::1', false],
  ['::', false],
  ['::ffff:8.8.8.8', false],
  ['64:ff9b::7f00:1', false],
  ['2002:7f00:1::', false],
  ['2001:db8::1', false],
  ['name.example', false],
])('%s is public: %s', (address, isPublic) => {
  expect(isPublicAddress(address)).toBe(isPublic)
})
