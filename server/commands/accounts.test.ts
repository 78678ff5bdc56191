import { Readable } from 'node:stream'
import { type Command, CommanderError } from 'commander'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { basic, openAccountsForTest } from '../domains/accounts/accounts-for-test.suite.ts'
import type { OpenAccounts } from './account-session.ts'
import { orgCommand } from './org.ts'
import { tokenCommand } from './token.ts'
import { userCommand } from './user.ts'

/** What a shell would see. */
interface Outcome {
  code: number
  out: string
  err: string
}

describe('banyan user, org, token', () => {
  let hub: Awaited<ReturnType<typeof openAccountsForTest>>
  let openSessions: number
  beforeEach(async () => {
    hub = await openAccountsForTest()
    openSessions = 0
  })
  afterEach(async () => {
    expect(openSessions).toBe(0)
    await hub.close()
  })

  const open: OpenAccounts = async () => {
    openSessions++
    return {
      accounts: hub.accounts,
      repoIdOf: async (type, namespace, name) =>
        name === 'missing' ? undefined : `id of ${type} ${namespace}/${name}`,
      close: async () => {
        openSessions--
      },
    }
  }

  async function banyan(line: string, input = ''): Promise<Outcome> {
    const [group, ...words] = line.split(' ')
    const commands: Record<string, () => Command> = {
      user: () => userCommand(open, () => Readable.from([Buffer.from(input)])),
      org: () => orgCommand(open),
      token: () => tokenCommand(open),
    }
    const command = commands[group!]!()
    const outcome = { code: 0, out: '', err: '' }
    for (const each of [command, ...command.commands]) {
      each.exitOverride().configureOutput({
        writeOut: text => {
          outcome.out += text
        },
        writeErr: text => {
          outcome.err += text
        },
      })
    }
    try {
      await command.parseAsync(words, { from: 'user' })
    } catch (error) {
      if (!(error instanceof CommanderError)) throw error
      // `process.exit` would have come at this point: everything must be closed.
      expect(openSessions).toBe(0)
      outcome.code = error.exitCode
    }
    return outcome
  }

  it('add a user with the token that is given', async () => {
    const outcome = await banyan('user add __DUMMY_HUB_USER__ --token hf_x --token-name ci --token-role read')
    expect(outcome).toEqual({ code: 0, out: '', err: 'Added the user __DUMMY_HUB_USER__.\n' })
    expect(await hub.accounts.identify('Bearer hf_x')).toMatchObject({
      name: '__DUMMY_HUB_USER__',
      isAdmin: false,
      credential: { role: 'read' },
    })
  })

  it.each(['correct horse\n', 'correct horse\r\nsecond line\n', 'correct horse'])(
    'add an admin with the password %j',
    async input => {
      expect(await banyan('user add root --admin --password-stdin', input)).toMatchObject({
        code: 0,
        out: '',
      })
      const actor = await hub.accounts.identify(basic('root', 'correct horse'))
      expect(actor).toMatchObject({ name: 'root', isAdmin: true })
    },
  )

  it('print a minted token alone on standard output', async () => {
    const added = await banyan('user add alice --email alice@example.org')
    expect(added.err).toContain('banyan token add alice')
    const outcome = await banyan('token add ALICE --role read')
    expect(outcome.code).toBe(0)
    expect(outcome.out).toMatch(/^hf_[A-Za-z0-9]{34}\n$/)
    expect(outcome.err).not.toContain(outcome.out.trim())
    expect(await hub.accounts.identify(`Bearer ${outcome.out.trim()}`)).toMatchObject({
      name: 'alice',
      credential: { role: 'read' },
    })
  })

  it('give a fine-grained token its scopes', async () => {
    const alice = await hub.accounts.addUser({ name: 'alice' })
    const { out } = await banyan(
      'token add alice --role fine-grained --repo alice/m:read --repo datasets/acme/d:write --account Alice:read',
    )
    expect(await hub.accounts.identify(`Bearer ${out.trim()}`)).toMatchObject({
      credential: {
        role: 'fine-grained',
        scopes: expect.arrayContaining([
          { target: { kind: 'repository', id: 'id of model alice/m' }, access: 'read' },
          { target: { kind: 'repository', id: 'id of dataset acme/d' }, access: 'write' },
          { target: { kind: 'account', id: alice.id }, access: 'read' },
        ]),
      },
    })
  })

  it('list tokens, and revoke the one that is named', async () => {
    await hub.accounts.addUser({ name: 'alice', token: { value: 'hf_first', name: 'laptop', role: 'write' } })
    await hub.accounts.addUser({ name: 'bob', token: { value: 'hf_bob', name: 'x', role: 'write' } })
    const second = (await banyan('token add alice --name ci --role read')).out.trim()
    await hub.accounts.identify(`Bearer ${second}`)
    const listed = await banyan('token list ALICE')
    expect(listed).toMatchObject({ code: 0, err: '' })
    const lines = listed.out.trimEnd().split('\n')
    const day = String.raw`\d{4}-\d\d-\d\d`
    const shapes = [
      `write +made ${day}, never used  laptop`,
      `read +made ${day}, (used ${day}|never used)  ci`,
    ]
    expect(lines).toHaveLength(2)
    for (const shape of shapes) {
      expect(lines).toContainEqual(expect.stringMatching(new RegExp(`^[0-9a-f]{24}  ${shape}$`)))
    }
    const id = lines.find(line => line.endsWith('laptop'))?.slice(0, 24)
    expect(await banyan(`token revoke bob ${id}`)).toMatchObject({ code: 1 })
    expect(await banyan(`token revoke alice ${id}`)).toEqual({
      code: 0,
      out: '',
      err: `Revoked the token ${id} of alice.\n`,
    })
    await expect(hub.accounts.identify('Bearer hf_first')).rejects.toThrow('Invalid credentials')
    expect(await hub.accounts.identify(`Bearer ${second}`)).toMatchObject({ name: 'alice' })
    expect((await banyan('token list alice')).out.trimEnd().split('\n')).toHaveLength(1)
    expect((await banyan(`token revoke alice ${id}`)).err).toContain('has no token with the id')
  })

  it('add an organisation with its members', async () => {
    await hub.accounts.addUser({ name: 'alice', token: { value: 'a', name: 'x', role: 'write' } })
    await hub.accounts.addUser({ name: 'bob', token: { value: 'b', name: 'x', role: 'write' } })
    const outcome = await banyan('org add acme --member alice:admin --member bob:read --private-by-default')
    expect(outcome).toEqual({ code: 0, out: '', err: 'Added the organization acme.\n' })
    const acme = await hub.accounts.findAccount('acme')
    expect(acme).toMatchObject({ kind: 'organization', privateByDefault: true })
    for (const [token, role] of [
      ['a', 'admin'],
      ['b', 'read'],
    ]) {
      expect(await hub.accounts.identify(`Bearer ${token}`)).toMatchObject({
        memberships: new Map([[acme?.id, role]]),
      })
    }
  })

  it.each([
    ['user add taken', 'banyan token add taken'],
    ['user add acme', 'there is already an account called acme'],
    ['user add newcomer --token hf_taken', 'already in use'],
    ['user add a--b', 'must not contain "--"'],
    ['user add newcomer --password-stdin', '8 to 1024 characters'],
    ['user add newcomer --token x --token-role fine-grained', 'Allowed choices are read, write'],
    ['user add', "missing required argument 'name'"],
    ['org add newcomer --member nobody:admin', 'there is no user called nobody'],
    ['org add newcomer --member taken:owner', 'USER:admin, USER:write or USER:read'],
    ['org add newcomer', 'required option'],
    ['org add taken --member taken:admin', 'there is already an account called taken'],
    ['token add nobody', 'there is no user called nobody'],
    ['token add acme', 'there is no user called acme'],
    ['token list nobody', 'there is no user called nobody'],
    ['token revoke taken 0123', 'taken has no token with the id 0123'],
    ['token add taken --role fine-grained', 'at least one --repo or --account'],
    ['token add taken --repo a/b:read', 'are for --role fine-grained'],
    ['token add taken --role fine-grained --repo models/a/b:read', 'NS/NAME'],
    ['token add taken --role fine-grained --repo a/missing:read', 'repository a/missing not found'],
    ['token add taken --role fine-grained --account nobody:read', 'no user or organization called nobody'],
  ])('refuse `%s` in one line and change nothing', async (line, message) => {
    await hub.accounts.addUser({ name: 'taken', token: { value: 'hf_taken', name: 'x', role: 'read' } })
    await hub.accounts.addOrganization({ name: 'acme', members: [{ user: 'taken', role: 'read' }] })
    const outcome = await banyan(line, '1234567\n')
    expect(outcome).toMatchObject({ code: 1, out: '' })
    expect(outcome.err).toContain(message)
    expect(outcome.err).toMatch(/^error: .*\n$/)
    const count = async (table: 'accounts' | 'access_tokens' | 'memberships') =>
      (await hub.otherProcess.selectFrom(table).selectAll().execute()).length
    expect([await count('accounts'), await count('memberships'), await count('access_tokens')]).toEqual([
      2, 1, 1,
    ])
  })

  it.each(['user', 'org', 'token'])('teach by an example: %s add --help', async group => {
    const { code, out } = await banyan(`${group} add --help`)
    expect(code).toBe(0)
    expect(out).toMatch(/Examples?:\n.*banyan /)
  })
})
