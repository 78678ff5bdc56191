import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Actor, User } from '../../kernel/actor.ts'
import { basic, openAccountsForTest } from './accounts-for-test.suite.ts'
import { BadCredentials } from './errors.ts'

const aliceToken = 'hf_alice'

describe('identify', () => {
  let hub: Awaited<ReturnType<typeof openAccountsForTest>>
  let aliceId: string
  let acmeId: string
  beforeEach(async () => {
    hub = await openAccountsForTest()
    aliceId = (
      await hub.accounts.addUser({
        name: 'Alice',
        token: { value: aliceToken, name: 'first', role: 'write' },
      })
    ).id
    await hub.accounts.addUser({
      name: 'root',
      isAdmin: true,
      token: { value: 'hf_root', name: 'r', role: 'read' },
    })
    const members = [{ user: 'ALICE', role: 'admin' }] as const
    acmeId = (await hub.accounts.addOrganization({ name: 'acme', members })).id
    await hub.accounts.addOrganization({ name: 'other', members: [{ user: 'root', role: 'read' }] })
  })
  afterEach(() => hub.close())

  const tokenRow = (value = 'first') =>
    hub.otherProcess
      .selectFrom('access_tokens')
      .selectAll()
      .where('name', '=', value)
      .executeTakeFirstOrThrow()
  const alice = async (): Promise<Actor> => ({
    kind: 'user',
    id: aliceId,
    name: 'Alice',
    isAdmin: false,
    memberships: new Map([[acmeId, 'admin']]),
    credential: { kind: 'token', id: (await tokenRow()).id, role: 'write' },
  })

  it('knows nobody without a header', async () => {
    expect(await hub.accounts.identify(undefined)).toEqual({ kind: 'anonymous' })
  })

  it('knows a user by token, with memberships', async () => {
    expect(await hub.accounts.identify(`Bearer ${aliceToken}`)).toEqual(await alice())
    expect(await hub.accounts.identify(`bearer  ${aliceToken}`)).toEqual(await alice())
    expect(await hub.accounts.identify('Bearer hf_root')).toMatchObject({
      name: 'root',
      isAdmin: true,
      credential: { role: 'read' },
    })
  })

  it('takes the token as the password of git, whatever the user name', async () => {
    for (const name of ['hf_user', 'root', '', 'ünï']) {
      expect(await hub.accounts.identify(basic(name, aliceToken))).toEqual(await alice())
    }
  })

  it('knows the scopes of a fine-grained token', async () => {
    const scopes = [
      { target: { kind: 'repository', id: 'r1' }, access: 'read' },
      { target: { kind: 'account', id: acmeId }, access: 'write' },
    ] as const
    const { token } = await hub.accounts.addToken('alice', { name: 'fine', role: 'fine-grained', scopes })
    const actor = await hub.accounts.identify(`Bearer ${token}`)
    expect(actor).toMatchObject({ id: aliceId, credential: { kind: 'token', role: 'fine-grained' } })
    const { credential } = actor as User
    const found = 'scopes' in credential ? credential.scopes : []
    expect(new Set(found)).toEqual(new Set(scopes))
  })

  it.each([
    '',
    'Bearer',
    'Bearer ',
    'Bearer nobody',
    `Bearer ${aliceToken}x`,
    `Bearer ${aliceToken.toUpperCase()}`,
    aliceToken,
    `Digest ${aliceToken}`,
    `Basic ${aliceToken}`,
    'Basic !!!',
    basic('alice', ''),
    basic(aliceToken, ''),
    // Of a token's form: not tried as a password, which would count against alice.
    basic('alice', `hf_${'a'.repeat(34)}`),
  ])('refuses %j', async header => {
    await expect(hub.accounts.identify(header)).rejects.toBeInstanceOf(BadCredentials)
  })

  it.each([
    ['revoked', { revoked_at: 1 }],
    ['expired this very moment', { expires_at: Date.UTC(2030, 0, 1) }],
  ])('refuses a token that another process has %s, from the next request on', async (_, change) => {
    await hub.accounts.identify(`Bearer ${aliceToken}`)
    await hub.otherProcess.updateTable('access_tokens').set(change).execute()
    await expect(hub.accounts.identify(`Bearer ${aliceToken}`)).rejects.toBeInstanceOf(BadCredentials)
    await expect(hub.accounts.identify(basic('alice', aliceToken))).rejects.toBeInstanceOf(BadCredentials)
  })

  it('takes a token until it expires', async () => {
    await hub.otherProcess
      .updateTable('access_tokens')
      .set({ expires_at: hub.time.now + 1 })
      .execute()
    expect(await hub.accounts.identify(`Bearer ${aliceToken}`)).toMatchObject({ name: 'Alice' })
  })

  it('refuses the tokens and the password of a deleted user', async () => {
    await hub.accounts.addUser({ name: 'carol', password: 'correct horse' })
    await hub.accounts.identify(basic('carol', 'correct horse'))
    await hub.otherProcess.updateTable('accounts').set({ deleted_at: 1 }).execute()
    await expect(hub.accounts.identify(`Bearer ${aliceToken}`)).rejects.toBeInstanceOf(BadCredentials)
    await expect(hub.accounts.identify(basic('carol', 'correct horse'))).rejects.toBeInstanceOf(
      BadCredentials,
    )
  })

  it('knows a user by password, and no other password or user', async () => {
    const { id } = await hub.accounts.addUser({ name: 'carol', password: 'correct: horse' })
    expect(await hub.accounts.identify(basic('Carol', 'correct: horse'))).toEqual({
      kind: 'user',
      id,
      name: 'carol',
      isAdmin: false,
      memberships: new Map(),
      credential: { kind: 'password' },
    })
    for (const [name, password] of [
      ['carol', 'correct: hors'],
      ['alice', 'correct: horse'],
      ['nobody', 'correct: horse'],
      ['acme', 'correct: horse'],
    ] as const) {
      await expect(hub.accounts.identify(basic(name, password))).rejects.toBeInstanceOf(BadCredentials)
    }
    await hub.otherProcess.updateTable('accounts').set({ password_hash: null }).execute()
    await expect(hub.accounts.identify(basic('carol', 'correct: horse'))).rejects.toBeInstanceOf(
      BadCredentials,
    )
  })

  it('notes the use of a token once a minute', async () => {
    const start = hub.time.now
    const used = async () => (await tokenRow()).last_used_at
    await hub.accounts.identify(`Bearer ${aliceToken}`)
    await vi.waitFor(async () => expect(await used()).toBe(start))
    hub.time.now = start + 59_999
    await hub.accounts.identify(`Bearer ${aliceToken}`)
    // A later write of the same connection: had there been an earlier one, it would be done.
    await hub.accounts.addToken('alice', { name: 'later', role: 'read' })
    expect(await used()).toBe(start)
    hub.time.now = start + 60_000
    await hub.accounts.identify(`Bearer ${aliceToken}`)
    await vi.waitFor(async () => expect(await used()).toBe(start + 60_000))
  })

  it('does not fail when the use cannot be noted', async () => {
    await sql`create trigger full_disk before update on access_tokens begin select raise(abort, 'no'); end`.execute(
      hub.database.sql,
    )
    for (let round = 0; round < 3; round++) {
      expect(await hub.accounts.identify(`Bearer ${aliceToken}`)).toEqual(await alice())
    }
    expect((await tokenRow()).last_used_at).toBeNull()
  })
})
