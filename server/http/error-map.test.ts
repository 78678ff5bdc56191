import { describe, expect, it } from 'vitest'
import * as accounts from '../domains/accounts/index.ts'
import * as blobs from '../domains/blobs/index.ts'
import * as community from '../domains/community/index.ts'
import * as discussions from '../domains/discussions/index.ts'
import * as gates from '../domains/gates/index.ts'
import * as policy from '../domains/policy/index.ts'
import * as repos from '../domains/repos/index.ts'
import * as webhooks from '../domains/webhooks/index.ts'
import { anonymous } from '../kernel/actor.ts'
import * as kernel from '../kernel/errors.ts'
import { HubError, LimitExceeded, MalformedInput, RepoNotFound } from '../kernel/errors.ts'
import * as storage from '../kernel/storage-faults.ts'
import * as objects from '../ports/objects.ts'
import * as body from './body.ts'
import * as doors from './doors.ts'
import { answerTo, errorTable } from './error-map.ts'
import * as ownPages from './own-pages.ts'
import * as rateLimits from './rate-limits.ts'

const asker = { actor: anonymous, origin: 'http://hub.test' }
const alice = {
  actor: {
    kind: 'user',
    id: '1',
    name: 'alice',
    isAdmin: false,
    memberships: new Map(),
    credential: { kind: 'password' },
  },
  origin: 'http://hub.test',
} as const

function isError(value: unknown): value is typeof HubError {
  return typeof value === 'function' && value.prototype instanceof HubError
}

it('has a row for every error that a domain, a port or the kernel exports', () => {
  const modules = [
    accounts,
    blobs,
    community,
    discussions,
    gates,
    policy,
    repos,
    kernel,
    storage,
    objects,
    doors,
    body,
    ownPages,
    rateLimits,
    webhooks,
  ]
  const errors = modules.flatMap(module => Object.values(module)).filter(isError)
  expect(errors.length).toBeGreaterThan(30)
  for (const error of errors) {
    const isCovered = errorTable.has(error) || errorTable.has(Object.getPrototypeOf(error))
    expect(isCovered, `${error.name} needs a row in error-map.ts`).toBe(true)
  }
})

describe('answerTo', () => {
  it.each([
    ['ENOSPC', 507, 'full'],
    ['EDQUOT', 507, 'full'],
    ['EFBIG', 507, 'full'],
    ['SQLITE_FULL', 507, 'full'],
    ['53100', 507, 'full'],
    ['EROFS', 503, 'read-only'],
    ['SQLITE_READONLY', 503, 'read-only'],
    ['25006', 503, 'read-only'],
    ['EIO', 503, 'errors'],
    ['SQLITE_IOERR_WRITE', 503, 'errors'],
    ['58030', 503, 'errors'],
  ])('says what the disk says by %s, whoever has heard it', (code, status, word) => {
    const answer = answerTo(Object.assign(new Error('/secret/path'), { code }), asker)
    expect(answer.status).toBe(status)
    expect(answer.body.error).toContain(word)
    expect(JSON.stringify(answer)).not.toContain('secret')
  })

  it('does not tell whether a repository is missing or hidden: 401 for nobody, 404 for somebody', () => {
    const missing = answerTo(new RepoNotFound('a/b'), asker)
    expect(missing.status).toBe(401)
    expect(missing.headers['x-error-code']).toBe('RepoNotFound')
    expect(answerTo(new RepoNotFound('a/b'), alice).status).toBe(404)
    const repo = { id: '1', type: 'model', namespace: 'a', name: 'b' } as never
    expect(answerTo(new policy.RepoHidden(repo), alice)).toEqual(answerTo(new RepoNotFound('a/b'), alice))
  })

  it('gives the url of what exists', () => {
    const error = new repos.RepoExists({ type: 'dataset', namespace: 'a', name: 'b' })
    expect(answerTo(error, alice)).toMatchObject({
      status: 409,
      body: { url: 'http://hub.test/datasets/a/b', name: 'a/b' },
    })
  })

  it('keeps headers to ASCII and the whole text in the body', () => {
    const answer = answerTo(new MalformedInput('路径', 'kaputt\r\nSet-Cookie: x'), asker)
    expect(answer.headers['x-error-message']).toMatch(/^[\x20-\x7e]+$/)
    expect(answer.body.error).toContain('路径')
  })

  it('tells nothing of faults of ours', () => {
    expect(answerTo(new Error('password is hunter2'), asker)).toMatchObject({ status: 500 })
    expect(JSON.stringify(answerTo(new Error('password is hunter2'), asker))).not.toContain('hunter2')
    expect(answerTo(new LimitExceeded('x', 1, 'bytes'), asker).status).toBe(413)
  })
})
