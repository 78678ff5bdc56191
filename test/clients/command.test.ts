import { spawn } from 'node:child_process'
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { freePort, runBanyan } from '../hub.ts'
import { temporaryFolder } from './run.ts'
import { useHub } from './use-hub.ts'

const hub = useHub()
const BANYAN = resolve(import.meta.dirname, '../../bin/banyan')

const who = (token: string) =>
  fetch(`${hub().url}/api/whoami-v2`, { headers: { authorization: `Bearer ${token}` } })

describe('bin/banyan', () => {
  it('runs through symbolic links, from any folder, with data relative to the caller', async () => {
    const folder = await temporaryFolder()
    await mkdir(join(folder, 'bin'))
    await symlink(BANYAN, join(folder, 'bin/first'))
    await symlink('bin/first', join(folder, 'second'))
    const add = ['user', 'add', 'eve', '--data', 'here']
    await runBanyan(add, '', { command: join(folder, 'second'), cwd: folder })
    expect(await readdir(join(folder, 'here'))).not.toEqual([])
    await expect(runBanyan(add, '', { cwd: folder })).rejects.toThrow(/eve/) // the name is taken
  })

  it('runs on the Node that BANYAN_NODE names, and says what is wrong with an old one', async () => {
    const folder = await temporaryFolder()
    const old = join(folder, 'node')
    await writeFile(old, '#!/bin/sh\necho v20.20.2\n', { mode: 0o755 })
    await expect(runBanyan(['--version'], '', { env: { BANYAN_NODE: old } })).rejects.toThrow(/v20\.20\.2/)
    const version = await runBanyan(['--version'], '', { env: { BANYAN_NODE: process.execPath } })
    expect(version.trim()).toMatch(/^\d+\.\d+\.\d+/)
    // An old Node on PATH is passed over for the one that came with the dependencies, or for a plain word on what to do.
    const env = { PATH: `${folder}:/usr/bin:/bin`, BANYAN_NODE: '' }
    const said = await runBanyan(['--version'], '', { env }).catch(String)
    expect(said).toMatch(/^\d+\.\d+\.\d+|make build|install Node 24/)
  })

  it.each([
    ['serve', '--port'],
    ['user add', '--password-stdin'],
    ['org add', '--member'],
    ['token add', '--role'],
    ['fsck', '--deep'],
    ['gc', '--dry-run'],
    ['routes', 'routes'],
  ])('has help for %s', async (command, flag) => {
    expect(await runBanyan([...command.split(' '), '--help'])).toContain(flag)
  })

  it('refuses what it does not know', async () => {
    await expect(runBanyan(['dance'])).rejects.toThrow(/dance/)
    await expect(runBanyan(['serve', '--port', 'many'])).rejects.toThrow(/port/i)
  })

  it('prints the routes, each with what it asks for', async () => {
    const routes = await runBanyan(['routes'])
    expect(routes).toMatch(/GET +signed-in +\/api\/whoami-v2/)
    expect(routes).toMatch(/repo:write/)
  })
})

describe('banyan serve', () => {
  it('takes its settings from BANYAN_*, prints its address and what to do next, ends on SIGINT', async () => {
    const data = await temporaryFolder()
    const port = await freePort()
    const child = spawn(BANYAN, ['serve'], {
      env: { PATH: process.env.PATH, BANYAN_PORT: String(port), BANYAN_DATA: data },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let printed = ''
    child.stdout.on('data', text => {
      printed += text
    })
    child.stderr.on('data', text => {
      printed += text
    })
    const ended = new Promise(settle => child.on('exit', (code, signal) => settle(code ?? signal)))
    while (child.exitCode === null) {
      const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined)
      if (answer?.ok) break
      await new Promise(settle => setTimeout(settle, 50))
    }
    child.kill('SIGINT')
    expect(await ended, printed).toBe(0)
    expect(printed).toContain(`http://127.0.0.1:${port}`)
    expect(printed).toContain('user add')
    expect(printed).toContain('HF_ENDPOINT')
    expect(await readdir(data)).not.toEqual([])
  })
})

describe('banyan user, org, token beside a running hub', () => {
  it('adds a user with a token of any printable form, that works at once', async () => {
    const tokens = ['x', `hf_${'t'.repeat(34)}`, 'hf_hub.js', `~!#$%^&*()_+=-[]{};:,.<>/?${'z'.repeat(102)}`]
    const names = ['__DUMMY_HUB_USER__', 'hub.js', 'a-b_c.d', 'Zoe42']
    for (const [at, name] of names.entries()) {
      const token = tokens[at] ?? ''
      await hub().runCli([
        'user',
        'add',
        name,
        '--email',
        `u${at}@example.com`,
        '--token',
        token,
        '--token-role',
        'write',
      ])
      expect(await (await who(token)).json()).toMatchObject({
        name,
        auth: { accessToken: { role: 'write' } },
      })
    }
    await expect(hub().runCli(['user', 'add', 'nobody', '--token', 'z'.repeat(129)])).rejects.toThrow(/128/)
    await expect(hub().runCli(['user', 'add', 'no/slash'])).rejects.toThrow(/name/i)
    await expect(hub().runCli(['user', 'add', 'ADA'])).rejects.toThrow() // names differ by more than case
  })

  it('revokes a token at once', async () => {
    const token = (await hub().runCli(['token', 'add', 'ada', '--name', 'lost'])).trim()
    expect((await who(token)).status).toBe(200)
    const line = (await hub().runCli(['token', 'list', 'ada']))
      .split('\n')
      .find(text => text.endsWith('lost'))
    await hub().runCli(['token', 'revoke', 'ada', line?.slice(0, 24) ?? ''])
    expect((await who(token)).status).toBe(401)
  })

  it('mints a token that is shown once and stored hashed', async () => {
    const printed = await hub().runCli(['token', 'add', 'ada', '--name', 'laptop', '--role', 'read'])
    const token = /hf_[A-Za-z0-9]{34}\b/.exec(printed)?.[0] ?? ''
    expect(await (await who(token)).json()).toMatchObject({
      name: 'ada',
      auth: { accessToken: { displayName: 'laptop', role: 'read' } },
    })
    await expect(hub().runCli(['token', 'add', 'absent'])).rejects.toThrow(/absent/)
  })

  it('adds an organisation whose members have roles', async () => {
    const token = `hf_${'M'.repeat(34)}`
    await hub().runCli([
      'user',
      'add',
      'mia',
      '--fullname',
      'Mia M',
      '--token',
      token,
      '--token-role',
      'write',
    ])
    await hub().runCli([
      'org',
      'add',
      'lab',
      '--fullname',
      'The Lab',
      '--member',
      'ada:admin',
      '--member',
      'mia:read',
    ])
    const told = await (await who(token)).json()
    expect(told).toMatchObject({
      fullname: 'Mia M',
      orgs: [{ name: 'lab', fullname: 'The Lab', roleInOrg: 'read' }],
    })
    const create = await fetch(`${hub().url}/api/repos/create`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'not-allowed', organization: 'lab' }),
    })
    expect(create.status).toBe(403)
    await expect(hub().runCli(['org', 'add', 'lab2', '--member', 'absent:admin'])).rejects.toThrow(/absent/)
  })

  it('takes a password from standard input', async () => {
    await hub().runCli(['user', 'add', 'pat', '--password-stdin', '--admin'], 'correct horse battery\n')
    await expect(hub().runCli(['user', 'add', 'pia', '--password-stdin'], '')).rejects.toThrow(/password/i)
  })

  it('checks and collects while the hub runs', async () => {
    await hub().runCli(['fsck'])
    await hub().runCli(['gc', '--dry-run', '--grace', '7d'])
    expect((await fetch(`${hub().url}/readyz`)).status).toBe(200)
  })
})
