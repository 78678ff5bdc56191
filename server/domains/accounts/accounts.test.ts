import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MalformedInput } from '../../kernel/errors.ts'
import { openAccountsForTest } from './accounts-for-test.suite.ts'
import { AccountExists, AccountNotFound, TokenExists } from './errors.ts'

describe('accounts', () => {
  let hub: Awaited<ReturnType<typeof openAccountsForTest>>
  beforeEach(async () => {
    hub = await openAccountsForTest()
  })
  afterEach(() => hub.close())

  const rowsOf = async (table: 'accounts' | 'memberships' | 'access_tokens' | 'token_scopes') =>
    (await hub.otherProcess.selectFrom(table).selectAll().execute()).length

  it('finds users and organisations by name, in any case, and by id', async () => {
    const user = await hub.accounts.addUser({ name: 'hub.js', fullname: 'CI bot' })
    const members = [{ user: 'Hub.JS', role: 'write' }] as const
    const organization = await hub.accounts.addOrganization({ name: 'Acme', members, privateByDefault: true })
    expect(await hub.accounts.findAccount('HUB.js')).toEqual({
      id: user.id,
      kind: 'user',
      name: 'hub.js',
      fullname: 'CI bot',
      privateByDefault: false,
    })
    expect(await hub.accounts.findAccount('acme')).toEqual({
      id: organization.id,
      kind: 'organization',
      name: 'Acme',
      fullname: 'Acme',
      privateByDefault: true,
    })
    expect(await hub.accounts.findAccount('acm')).toBeUndefined()
    const found = await hub.accounts.accountsById([organization.id, 'missing', user.id])
    expect(found.map(account => account.name).sort()).toEqual(['Acme', 'hub.js'])
    expect(await hub.accounts.accountsById([])).toEqual([])
  })

  it('makes an actor of a user id: nobody of no id, of an organisation and of a deleted user', async () => {
    const { id } = await hub.accounts.addUser({ name: 'alice' })
    const acme = await hub.accounts.addOrganization({
      name: 'acme',
      members: [{ user: 'alice', role: 'read' }],
    })
    expect(await hub.accounts.actorOf(id)).toMatchObject({
      id,
      name: 'alice',
      memberships: new Map([[acme.id, 'read']]),
    })
    await hub.otherProcess.updateTable('accounts').set({ deleted_at: 1 }).where('id', '=', id).execute()
    for (const nobody of [undefined, acme.id, id, 'missing']) {
      expect(await hub.accounts.actorOf(nobody)).toEqual({ kind: 'anonymous' })
    }
  })

  it('takes the names of the client tests', async () => {
    for (const name of ['__DUMMY_HUB_USER__', 'hub.js', 'x']) {
      expect(await hub.accounts.addUser({ name })).toMatchObject({ name, fullname: name })
    }
  })

  it.each(['', '-a', 'a.git', 'a b', 'datasets', 'API', 'a'.repeat(65)])(
    'refuses the name %j',
    async name => {
      await expect(hub.accounts.addUser({ name })).rejects.toBeInstanceOf(MalformedInput)
      const members = [{ user: 'alice', role: 'admin' }] as const
      await expect(hub.accounts.addOrganization({ name, members })).rejects.toBeInstanceOf(MalformedInput)
    },
  )

  it('has one name once, for users and organisations, whatever its case, deleted or not', async () => {
    await hub.accounts.addUser({ name: 'Alice' })
    await expect(hub.accounts.addUser({ name: 'alice' })).rejects.toBeInstanceOf(AccountExists)
    const members = [{ user: 'alice', role: 'admin' }] as const
    await expect(hub.accounts.addOrganization({ name: 'ALICE', members })).rejects.toBeInstanceOf(
      AccountExists,
    )
    await hub.otherProcess.updateTable('accounts').set({ deleted_at: 1 }).execute()
    expect(await hub.accounts.findAccount('alice')).toBeUndefined()
    await expect(hub.accounts.addUser({ name: 'alice' })).rejects.toBeInstanceOf(AccountExists)
    await expect(hub.accounts.addToken('alice', { name: 'x', role: 'read' })).rejects.toBeInstanceOf(
      AccountNotFound,
    )
  })

  it('adds a user with the token or not at all', async () => {
    const token = { value: 'hf_taken', name: 'x', role: 'write' } as const
    await hub.accounts.addUser({ name: 'alice', token })
    await expect(hub.accounts.addUser({ name: 'bob', token })).rejects.toBeInstanceOf(TokenExists)
    await expect(
      hub.accounts.addUser({ name: 'bob', token: { ...token, value: 'line\nbreak' } }),
    ).rejects.toBeInstanceOf(MalformedInput)
    expect(await hub.accounts.findAccount('bob')).toBeUndefined()
    expect(await rowsOf('access_tokens')).toBe(1)
  })

  it('adds an organisation with all members or not at all', async () => {
    await hub.accounts.addUser({ name: 'alice' })
    await hub.accounts.addOrganization({ name: 'first', members: [{ user: 'alice', role: 'read' }] })
    for (const members of [
      [],
      [
        { user: 'alice', role: 'admin' },
        { user: 'nobody', role: 'read' },
      ],
      [{ user: 'first', role: 'admin' }],
      [
        { user: 'alice', role: 'admin' },
        { user: 'ALICE', role: 'read' },
      ],
    ] as const) {
      await expect(hub.accounts.addOrganization({ name: 'acme', members })).rejects.toThrow(
        /^(organization: |there is no user called (nobody|first)$)/,
      )
    }
    expect(await rowsOf('accounts')).toBe(2)
    expect(await rowsOf('memberships')).toBe(1)
  })

  it('keeps no token, only its hash', async () => {
    await hub.accounts.addUser({ name: 'alice', token: { value: 'abc', name: 'x', role: 'read' } })
    const row = await hub.otherProcess.selectFrom('access_tokens').selectAll().executeTakeFirstOrThrow()
    // FIPS 180-2, B.1.
    expect(row.hash).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
    expect(Object.values(row)).not.toContain('abc')
  })

  it('wants scopes of a fine-grained token, each thing once', async () => {
    await hub.accounts.addUser({ name: 'alice' })
    const scope = { target: { kind: 'repository', id: 'r' }, access: 'read' } as const
    const writing = { ...scope, access: 'write' } as const
    for (const scopes of [[], [scope, writing]]) {
      const wanted = { name: 'x', role: 'fine-grained', scopes } as const
      await expect(hub.accounts.addToken('alice', wanted)).rejects.toBeInstanceOf(MalformedInput)
    }
    expect(await rowsOf('token_scopes')).toBe(0)
    expect(await rowsOf('access_tokens')).toBe(0)
  })

  it.each([
    { email: 'no host' },
    { email: 'a@b\nc' },
    { email: 'Alice <alice@example.org>' },
    { fullname: '' },
    { fullname: 'two\nlines' },
    { fullname: 'x'.repeat(101) },
    { password: 'short' },
  ])('refuses a user with %j', async fault => {
    await expect(hub.accounts.addUser({ name: 'alice', ...fault })).rejects.toBeInstanceOf(MalformedInput)
  })
})
