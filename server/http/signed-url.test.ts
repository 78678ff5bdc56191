import { expect, it } from 'vitest'
import { Signer } from '../kernel/signer.ts'
import { checkSignedPath, signPath } from './signed-url.ts'

const signer = new Signer(Buffer.alloc(32, 7))
const now = 1_700_000_000_000
const url = signPath(signer, 'PUT', '/alice/m.git/info/lfs/objects/ab/3', now + 60_000)

it('passes until it ends, for its method and path only', () => {
  expect(checkSignedPath(signer, 'PUT', url, now)).toBe('good')
  expect(checkSignedPath(signer, 'PUT', url, now + 61_000)).toBe('expired')
  expect(checkSignedPath(signer, 'GET', url, now)).toBe('forged')
  expect(checkSignedPath(signer, 'PUT', url.replace('alice', 'mallory'), now)).toBe('forged')
  expect(checkSignedPath(signer, 'PUT', url.replace(/exp=\d+/, 'exp=9999999999'), now)).toBe('forged')
  expect(checkSignedPath(signer, 'PUT', `${url}x`, now)).toBe('forged')
  expect(checkSignedPath(signer, 'PUT', '/alice/m.git/info/lfs/objects/ab/3', now)).toBe('forged')
  expect(checkSignedPath(new Signer(Buffer.alloc(32, 8)), 'PUT', url, now)).toBe('forged')
})

it('lets HEAD use the URL of a GET', () => {
  const get = signPath(signer, 'GET', '/x?a=1', now + 1000)
  expect(checkSignedPath(signer, 'HEAD', get, now)).toBe('good')
})
