import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { hashes, SILERO } from './inputs.ts'
import { copyOf, folderOf, newMachine, temporaryFolder } from './run.ts'
import { useHub } from './use-hub.ts'

const hub = useHub()

describe('hf auth', () => {
  it('logs in with a token, says who it is, and logs out', async () => {
    const machine = await newMachine(hub().url)
    await machine.run('hf', ['auth', 'login', '--token', hub().token])
    expect((await machine.run('hf', ['auth', 'token', '--quiet'])).trim()).toBe(hub().token)
    expect(JSON.parse(await machine.run('hf', ['auth', 'whoami', '--format', 'json']))).toEqual({
      user: 'ada',
      orgs: 'acme',
      endpoint: hub().url,
    })
    expect(await machine.run('hf', ['auth', 'list'])).toContain('tests') // the token's name at the hub
    await machine.run('hf', ['auth', 'logout'])
    expect((await machine.attempt('hf', ['auth', 'whoami'])).code).toBe(1)
  })

  it('refuses a wrong token', async () => {
    const machine = await newMachine(hub().url)
    const refused = await machine.attempt('hf', ['auth', 'login', '--token', `hf_${'x'.repeat(34)}`])
    expect(refused.code).toBe(1)
    expect(refused.stdout + refused.stderr).toMatch(/invalid|401/i)
    expect((await machine.attempt('hf', ['auth', 'whoami'])).code).toBe(1)
  })
})

describe('hf repos, hf upload, hf download', () => {
  it('moves a folder of eight related files there and back', async () => {
    const ada = await newMachine(hub().url, hub().token)
    const created = JSON.parse(await ada.run('hf', ['repos', 'create', 'voice', '--format', 'json']))
    expect(created).toEqual({ repo_id: 'ada/voice', url: `${hub().url}/ada/voice` })
    expect((await ada.attempt('hf', ['repos', 'create', 'voice'])).code).toBe(1)
    await ada.run('hf', ['repos', 'create', 'voice', '--exist-ok'])

    const folder = await copyOf(SILERO)
    const pushed = JSON.parse(await ada.run('hf', ['upload', 'ada/voice', folder, '.', '--format', 'json']))
    expect(pushed.url).toContain(`${hub().url}/ada/voice/`)

    const anyone = await newMachine(hub().url)
    const target = await temporaryFolder()
    await anyone.run('hf', ['download', 'ada/voice', '--local-dir', target])
    const { '.gitattributes': attributes, ...files } = await hashes(target)
    expect(attributes).toBeDefined()
    expect(files).toEqual(await hashes(SILERO))

    const cached = JSON.parse(await anyone.run('hf', ['download', 'ada/voice', '--format', 'json']))
    expect(await hashes(cached.path)).toMatchObject(files)
    const checked = await anyone.run('hf', ['cache', 'verify', 'ada/voice'])
    expect(checked).not.toMatch(/failed/i)
  })

  it('moves one file, under another path, to a branch that is made on the way', async () => {
    const ada = await newMachine(hub().url, hub().token)
    const folder = await folderOf({
      'weights.bin': new Uint8Array(200_000).fill(7),
      'notes.txt': 'one file\n',
    })
    await ada.run('hf', ['upload', 'ada/single', join(folder, 'notes.txt'), 'docs/read me.txt'])
    await ada.run('hf', [
      ...[
        'upload',
        'ada/single',
        join(folder, 'weights.bin'),
        '--revision',
        'next',
        '--commit-message',
        'Weights',
      ],
    ])

    const text = JSON.parse(
      await ada.run('hf', ['download', 'ada/single', 'docs/read me.txt', '--format', 'json']),
    )
    expect(await readFile(text.path, 'utf8')).toBe('one file\n')
    const weights = ['download', 'ada/single', 'weights.bin', '--format', 'json']
    expect((await ada.attempt('hf', weights)).code).toBe(1) // not on main
    const { path } = JSON.parse(await ada.run('hf', [...weights, '--revision', 'next']))
    expect((await readFile(path)).equals(Buffer.alloc(200_000, 7))).toBe(true)
  })

  it('takes part of a data set of an organisation, and leaves out what .gitignore names', async () => {
    const ada = await newMachine(hub().url, hub().token)
    const folder = await folderOf({
      '.gitignore': '*.tmp\n',
      'data/a.csv': 'x\n1\n',
      'data/b.csv': 'x\n2\n',
      'other/c.csv': 'x\n3\n',
      'data/half.tmp': 'no',
    })
    await ada.run('hf', ['upload', 'acme/parts', folder, '--repo-type', 'dataset', '--private'])
    const target = await temporaryFolder()
    await ada.run('hf', ['download', 'acme/parts', 'data/', '--repo-type', 'dataset', '--local-dir', target])
    expect(Object.keys(await hashes(target))).toEqual(['data/a.csv', 'data/b.csv'])
    const stranger = await newMachine(hub().url, hub().stranger.token)
    const refused = await stranger.attempt('hf', ['download', 'acme/parts', '--repo-type', 'dataset'])
    expect(refused.code).toBe(1)
    expect(refused.stdout + refused.stderr).toMatch(/not found/i)
  })

  it('deletes', async () => {
    const ada = await newMachine(hub().url, hub().token)
    await ada.run('hf', ['repos', 'create', 'short-lived', '--type', 'space', '--sdk', 'static'])
    await ada.run('hf', ['repos', 'delete', 'ada/short-lived', '--type', 'space', '--yes'])
    const gone = await ada.attempt('hf', ['download', 'ada/short-lived', '--type', 'space'])
    expect(gone.code).toBe(1)
  })
})
