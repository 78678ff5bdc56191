import { describe, expect, it } from 'vitest'
import { type Actor, anonymous, type Credential, type TokenScope, type User } from '../../kernel/actor.ts'
import { RepoNotFound } from '../../kernel/errors.ts'
import type { Repository } from '../../kernel/repository.ts'
import { can, demand } from './can.ts'
import { Forbidden, GatedRepo, NotSignedIn, RepoHidden } from './errors.ts'
import { privateReach } from './private-reach.ts'

/** Two repositories of the user alice, two of the organisation acme. */
const namespaces = { alice: 'id-alice', acme: 'id-acme' }
type Namespace = keyof typeof namespaces

function repoOf(namespace: Namespace, isPrivate: boolean, gated: Repository['gated'] = false): Repository {
  const id = `id-${namespace}-${isPrivate ? 'private' : 'public'}`
  const namespaceId = namespaces[namespace]
  return {
    id,
    type: 'model',
    namespaceId,
    namespace,
    name: 'm',
    isPrivate,
    gated,
    createdAt: 0,
    updatedAt: 0,
  }
}

const password: Credential = { kind: 'password' }
const write: Credential = { kind: 'token', id: 't', role: 'write' }
const read: Credential = { kind: 'token', id: 't', role: 'read' }

/** `account:id-acme read`, `repository:id-alice-private write` … */
function fine(...scopes: string[]): Credential {
  return {
    kind: 'token',
    id: 't',
    role: 'fine-grained',
    scopes: scopes.map(text => {
      const [, kind, id, access] = /^(\w+):(\S+) (\w+)$/.exec(text)!
      return { target: { kind, id }, access } as TokenScope
    }),
  }
}

function user(name: string, credential: Credential, more: Partial<User> = {}): User {
  return { kind: 'user', id: `id-${name}`, name, isAdmin: false, memberships: new Map(), credential, ...more }
}
const alice = (credential: Credential) => user('alice', credential)
const stranger = (credential: Credential) =>
  user('mallory', credential, { memberships: new Map([['id-elsewhere', 'admin']]) })
const member = (role: 'admin' | 'write' | 'read', credential: Credential) =>
  user('bob', credential, { memberships: new Map([['id-acme', role]]) })
const hubAdmin = (credential: Credential) => user('root', credential, { isAdmin: true })

const both = ['repository:id-alice-public', 'repository:id-alice-private'] as const
const bothOfAcme = ['repository:id-acme-public', 'repository:id-acme-private'] as const

/**
 * Who, on whose repositories, and the answers: read, write, settings of the public one; the same of the private one;
 * create a repository in the namespace. `401` not signed in, `404` hidden, `403` forbidden.
 */
const table: readonly [string, Namespace, Actor, string][] = [
  ['nobody', 'alice', anonymous, 'yes 401 401 | 404 404 404 | 401'],
  ['nobody', 'acme', anonymous, 'yes 401 401 | 404 404 404 | 401'],

  ['the owner by password', 'alice', alice(password), 'yes yes yes | yes yes yes | yes'],
  ['the owner by write token', 'alice', alice(write), 'yes yes yes | yes yes yes | yes'],
  ['the owner by read token', 'alice', alice(read), 'yes 403 403 | yes 403 403 | 403'],

  ['a stranger by password', 'alice', stranger(password), 'yes 403 403 | 404 404 404 | 403'],
  ['a stranger by write token', 'alice', stranger(write), 'yes 403 403 | 404 404 404 | 403'],
  ['a stranger by read token', 'alice', stranger(read), 'yes 403 403 | 404 404 404 | 403'],
  ['a stranger by write token', 'acme', stranger(write), 'yes 403 403 | 404 404 404 | 403'],
  ['another user', 'acme', alice(write), 'yes 403 403 | 404 404 404 | 403'],
  ['a member of an organisation', 'alice', member('admin', write), 'yes 403 403 | 404 404 404 | 403'],

  ['an organisation admin by password', 'acme', member('admin', password), 'yes yes yes | yes yes yes | yes'],
  ['an organisation admin by write token', 'acme', member('admin', write), 'yes yes yes | yes yes yes | yes'],
  ['an organisation admin by read token', 'acme', member('admin', read), 'yes 403 403 | yes 403 403 | 403'],
  ['a writing member by password', 'acme', member('write', password), 'yes yes yes | yes yes yes | yes'],
  ['a writing member by write token', 'acme', member('write', write), 'yes yes yes | yes yes yes | yes'],
  ['a writing member by read token', 'acme', member('write', read), 'yes 403 403 | yes 403 403 | 403'],
  ['a reading member by password', 'acme', member('read', password), 'yes 403 403 | yes 403 403 | 403'],
  ['a reading member by write token', 'acme', member('read', write), 'yes 403 403 | yes 403 403 | 403'],
  ['a reading member by read token', 'acme', member('read', read), 'yes 403 403 | yes 403 403 | 403'],

  ['a hub admin by password', 'alice', hubAdmin(password), 'yes yes yes | yes yes yes | yes'],
  ['a hub admin by write token', 'alice', hubAdmin(write), 'yes yes yes | yes yes yes | yes'],
  ['a hub admin by write token', 'acme', hubAdmin(write), 'yes yes yes | yes yes yes | yes'],
  ['a hub admin by read token', 'acme', hubAdmin(read), 'yes 403 403 | yes 403 403 | 403'],

  // Fine-grained tokens: of somebody who may, what the scopes say …
  ['the owner without scopes', 'alice', alice(fine()), 'yes 403 403 | 404 404 404 | 403'],
  [
    'the owner, to read these',
    'alice',
    alice(fine(...both.map(repo => `${repo} read`))),
    'yes 403 403 | yes 403 403 | 403',
  ],
  [
    'the owner, to write these',
    'alice',
    alice(fine(...both.map(repo => `${repo} write`))),
    'yes yes yes | yes yes yes | 403',
  ],
  [
    'the owner, to write the public one',
    'alice',
    alice(fine('repository:id-alice-public write')),
    'yes yes yes | 404 404 404 | 403',
  ],
  [
    'the owner, to read the account',
    'alice',
    alice(fine('account:id-alice read')),
    'yes 403 403 | yes 403 403 | 403',
  ],
  [
    'the owner, to write the account',
    'alice',
    alice(fine('account:id-alice write')),
    'yes yes yes | yes yes yes | yes',
  ],
  [
    'the owner, to read the account and write the private one',
    'alice',
    alice(fine('account:id-alice read', 'repository:id-alice-private write')),
    'yes 403 403 | yes yes yes | 403',
  ],
  [
    'the owner, to write something else',
    'alice',
    alice(fine('account:id-acme write', 'repository:id-acme-private write')),
    'yes 403 403 | 404 404 404 | 403',
  ],
  [
    'the owner, with ids of the other kind',
    'alice',
    alice(
      fine('repository:id-alice write', 'account:id-alice-private write', 'account:id-alice-public write'),
    ),
    'yes 403 403 | 404 404 404 | 403',
  ],
  [
    'a writing member, to write the organisation',
    'acme',
    member('write', fine('account:id-acme write')),
    'yes yes yes | yes yes yes | yes',
  ],
  [
    'an organisation admin, to write the own account',
    'acme',
    member('admin', fine('account:id-bob write')),
    'yes 403 403 | 404 404 404 | 403',
  ],
  ['a hub admin without scopes', 'acme', hubAdmin(fine()), 'yes 403 403 | 404 404 404 | 403'],
  [
    'a hub admin, to write the organisation',
    'acme',
    hubAdmin(fine('account:id-acme write')),
    'yes yes yes | yes yes yes | yes',
  ],
  // … and of somebody who may not, never more than the user may.
  [
    'a stranger, to write these',
    'alice',
    stranger(fine('account:id-alice write', ...both.map(repo => `${repo} write`))),
    'yes 403 403 | 404 404 404 | 403',
  ],
  [
    'a reading member, to write these',
    'acme',
    member('read', fine('account:id-acme write', ...bothOfAcme.map(repo => `${repo} write`))),
    'yes 403 403 | yes 403 403 | 403',
  ],
]

const actions = ['repo:read', 'repo:write', 'repo:settings'] as const
const refusals = { 'not-signed-in': '401', hidden: '404', gated: 'gate', forbidden: '403' } as const

const answerOf = (decision: ReturnType<typeof can>) => (decision.allowed ? 'yes' : refusals[decision.why])

/**
 * Who, on repositories of acme that are gated: to view it, to read it, to read it when the request for access is
 * pending, rejected, accepted, and to engage there; the same of a private one. `gate` waits for an accepted request.
 */
const gatedTable: readonly [string, Actor, string][] = [
  ['nobody', anonymous, 'yes gate gate gate gate 401 | 404 404 404 404 404 404'],
  ['a stranger by password', stranger(password), 'yes gate gate gate yes yes | 404 404 404 404 404 404'],
  ['a stranger by read token', stranger(read), 'yes gate gate gate yes 403 | 404 404 404 404 404 404'],
  [
    'a stranger, to read this',
    stranger(fine(...bothOfAcme.map(repo => `${repo} read`))),
    'yes gate gate gate yes 403 | 404 404 404 404 404 404',
  ],
  [
    'a stranger, to write the own account',
    stranger(fine('account:id-mallory write')),
    'yes gate gate gate 403 yes | 404 404 404 404 404 404',
  ],
  ['a writing member', member('write', password), 'yes yes yes yes yes yes | yes yes yes yes yes yes'],
  [
    'a writing member by read token',
    member('write', read),
    'yes yes yes yes yes 403 | yes yes yes yes yes 403',
  ],
  [
    'a writing member without scopes',
    member('write', fine()),
    'yes 403 403 403 403 403 | 404 404 404 404 404 404',
  ],
  ['a reading member', member('read', password), 'yes gate gate gate yes yes | yes gate gate gate yes yes'],
  ['a hub admin', hubAdmin(password), 'yes yes yes yes yes yes | yes yes yes yes yes yes'],
]

describe('policy', () => {
  it.each(gatedTable)('%s, on gated repositories of acme', (_, actor, expected) => {
    const answers = (isPrivate: boolean) => {
      const repo = repoOf('acme', isPrivate, 'manual')
      const admissions = [undefined, 'pending', 'rejected', 'accepted'] as const
      return [
        can(actor, 'repo:view', { repo }),
        ...admissions.map(admission => can(actor, 'repo:read', { repo, admission })),
        can(actor, 'repo:engage', { repo }),
      ].map(answerOf)
    }
    expect(`${answers(false).join(' ')} | ${answers(true).join(' ')}`).toBe(expected)
  })

  it.each(table)('%s, on repositories of %s', (_, namespace, actor, expected) => {
    const onRepo = (isPrivate: boolean) =>
      actions.map(action => answerOf(can(actor, action, { repo: repoOf(namespace, isPrivate) }))).join(' ')
    const create = answerOf(can(actor, 'account:create-repo', { account: { id: namespaces[namespace] } }))
    expect(`${onRepo(false)} | ${onRepo(true)} | ${create}`).toBe(expected)
  })

  it.each(table)('%s, on repositories of %s: lists what may be read', (_, namespace, actor) => {
    const repo = repoOf(namespace, true)
    const { namespaceIds, only } = privateReach(actor)
    const isListed =
      (namespaceIds === 'all' || namespaceIds.includes(repo.namespaceId)) &&
      (!only || only.namespaceIds.includes(repo.namespaceId) || only.repoIds.includes(repo.id))
    expect(isListed).toBe(can(actor, 'repo:read', { repo }).allowed)
  })

  it('lets everybody discuss who sees the repository and may write in the own name', () => {
    const answerOf = (actor: Actor, isPrivate = false, gated: Repository['gated'] = false) => {
      const decision = can(actor, 'repo:discuss', { repo: { ...repoOf('acme', isPrivate), gated } })
      return decision.allowed ? 'yes' : decision.why
    }
    expect(answerOf(anonymous)).toBe('not-signed-in')
    expect(answerOf(anonymous, true)).toBe('hidden')
    expect(answerOf(stranger(write))).toBe('yes')
    expect(answerOf(stranger(write), false, 'manual')).toBe('yes')
    expect(answerOf(stranger(write), true)).toBe('hidden')
    expect(answerOf(stranger(read))).toBe('forbidden')
    expect(answerOf(member('read', write), true)).toBe('yes')
    expect(answerOf(member('admin', read), true)).toBe('forbidden')
    expect(answerOf(stranger(fine()))).toBe('forbidden')
    expect(answerOf(stranger(fine('repository:id-acme-public read')))).toBe('forbidden')
    expect(answerOf(stranger(fine('repository:id-acme-public write')))).toBe('yes')
  })

  it('lets whoever may read take part in discussions, by a credential that may do more than read', () => {
    const answerTo = (actor: Actor, isPrivate: boolean) => {
      const decision = can(actor, 'repo:discuss', { repo: repoOf('alice', isPrivate) })
      return decision.allowed ? 'yes' : refusals[decision.why]
    }
    const table: [Actor, string, string][] = [
      [anonymous, '401', '404'],
      [alice(password), 'yes', 'yes'],
      [alice({ kind: 'session', id: 's' }), 'yes', 'yes'],
      [alice(write), 'yes', 'yes'],
      [alice(read), '403', '403'],
      [alice(fine('account:id-alice read')), '403', '403'],
      [alice(fine('account:id-alice discuss')), 'yes', 'yes'],
      [alice(fine('repository:id-alice-public discuss')), 'yes', '404'],
      [alice(fine('account:id-alice read', 'repository:id-alice-private discuss')), '403', 'yes'],
      [stranger(write), 'yes', '404'],
      [stranger(read), '403', '404'],
      [stranger(fine('account:id-mallory write')), '403', '404'],
      [stranger(fine('account:id-alice discuss')), 'yes', '404'],
    ]
    for (const [actor, onPublic, onPrivate] of table) {
      expect([actor, answerTo(actor, false), answerTo(actor, true)]).toEqual([actor, onPublic, onPrivate])
    }
  })

  it('lets a token that discusses read, and not write', () => {
    const actor = alice(fine('account:id-alice discuss'))
    expect(can(actor, 'repo:read', { repo: repoOf('alice', true) }).allowed).toBe(true)
    expect(can(actor, 'repo:write', { repo: repoOf('alice', false) }).allowed).toBe(false)
    expect(can(actor, 'account:create-repo', { account: { id: 'id-alice' } }).allowed).toBe(false)
  })

  it('lets whoever shows all that they have manage tokens, and a password alone the password', () => {
    const session: Credential = { kind: 'session', id: 's' }
    const answers = [password, session, write, read, fine('account:id-alice write')].map(credential =>
      (['account:manage', 'account:secure'] as const).map(
        action => can(alice(credential), action, { account: { id: 'id-alice' } }).allowed,
      ),
    )
    expect(answers).toEqual([
      [true, true],
      [true, true],
      [true, false],
      [false, false],
      [false, false],
    ])
    expect(() => demand(anonymous, 'account:manage', { account: { id: 'id-alice' } })).toThrow(NotSignedIn)
  })

  it('demands with the error of the decision', () => {
    const privateRepo = { repo: repoOf('acme', true) }
    const publicRepo = { repo: repoOf('acme', false) }
    const account = { account: { id: 'id-acme' } }
    expect(() => demand(member('read', read), 'repo:read', privateRepo)).not.toThrow()
    expect(() => demand(anonymous, 'repo:read', privateRepo)).toThrow(RepoHidden)
    expect(() => demand(stranger(write), 'repo:write', privateRepo)).toThrow(RepoHidden)
    expect(() => demand(anonymous, 'repo:write', publicRepo)).toThrow(NotSignedIn)
    expect(() => demand(anonymous, 'account:create-repo', account)).toThrow(NotSignedIn)
    const gated = { repo: repoOf('acme', false, 'auto') }
    expect(() => demand(stranger(write), 'repo:read', gated)).toThrow(GatedRepo)
    expect(() => demand(stranger(write), 'account:create-repo', account)).toThrow(Forbidden)
  })

  it('says of a hidden repository what is said of a missing one', () => {
    const hidden = new RepoHidden(repoOf('acme', true))
    expect(hidden).toBeInstanceOf(RepoNotFound)
    expect(hidden.message).toBe(new RepoNotFound('acme/m').message)
  })

  it('gives the reason of a refusal: the user, the read-only token, or the scopes', () => {
    const repo = repoOf('acme', false)
    const reason = (actor: Actor) => {
      const decision = can(actor, 'repo:write', { repo })
      return !decision.allowed && decision.why === 'forbidden' ? decision.reason : undefined
    }
    expect(reason(stranger(read))).toBe('you may not write to acme/m')
    expect(reason(member('write', read))).toMatch(/your token is read-only/)
    expect(reason(member('write', fine('account:id-acme read')))).toMatch(/scopes of your fine-grained token/)
  })
})
