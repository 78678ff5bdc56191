import { expect, it } from 'vitest'
import { Signer } from '../kernel/signer.ts'
import { checkSignedPath, signPath } from './signed-url.ts'

const signer = new Signer(Buffer.alloc(32, 7))
const given = { repo: 'r1', holder: 'r1-u1', by: 'token.t1' }
const now = 1_700_000_000_000
const url = signPath(signer, 'PUT', '/alice/m.git/info/lfs/objects/ab/3', given, now + 60_000)

it('passes until it ends, for its method and path only', () => {
  expect(checkSignedPath(signer, 'PUT', url, now)).toEqual(given)
  expect(checkSignedPath(signer, 'PUT', url, now + 61_000)).toBe('expired')
  expect(checkSignedPath(signer, 'GET', url, now)).toBe('forged')
  expect(checkSignedPath(signer, 'PUT', url.replace('alice', 'mallory'), now)).toBe('forged')
  expect(checkSignedPath(signer, 'PUT', url.replace(/exp=\d+/, 'exp=9999999999'), now)).toBe('forged')
  for (const part of Object.values(given)) {
    expect(checkSignedPath(signer, 'PUT', url.replace(part, `${part}1`), now)).toBe('forged')
  }
  expect(checkSignedPath(signer, 'PUT', `${url}x`, now)).toBe('forged')
  expect(checkSignedPath(signer, 'PUT', '/alice/m.git/info/lfs/objects/ab/3', now)).toBe('forged')
  expect(checkSignedPath(new Signer(Buffer.alloc(32, 8)), 'PUT', url, now)).toBe('forged')
})

it('lets HEAD use the URL of a GET', () => {
  const get = signPath(signer, 'GET', '/x?a=1', given, now + 1000)
  expect(checkSignedPath(signer, 'HEAD', get, now)).toEqual(given)
})
