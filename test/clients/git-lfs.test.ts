import { copyFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { hashes, noise, SILERO, sha256 } from './inputs.ts'
import { type Machine, newMachine, temporaryFolder } from './run.ts'
import { useHub } from './use-hub.ts'

const hub = useHub()

describe('git-lfs', () => {
  let ada: Machine
  let anyone: Machine
  let inUrl: string
  let plain: string
  const repo = 'ada/lfs'

  beforeAll(async () => {
    ada = await newMachine(hub().url, hub().token)
    anyone = await newMachine(hub().url)
    plain = `${hub().url}/${repo}`
    inUrl = plain.replace('://', `://ada:${hub().token}@`)
    await ada.run('hf', ['repos', 'create', repo])
  })

  /** Clones, adds what `fill` puts there, commits and pushes. `how` are options for git. */
  async function pushed(
    url: string,
    how: readonly string[],
    fill: (folder: string) => Promise<void>,
  ): Promise<string> {
    const folder = await temporaryFolder()
    await ada.run('git', [...how, 'clone', '--quiet', url, folder])
    await fill(folder)
    await ada.run('git', ['add', '.'], { cwd: folder })
    await ada.run('git', ['commit', '--quiet', '--message', 'Large files'], { cwd: folder })
    await ada.run('git', [...how, 'push', '--quiet'], { cwd: folder })
    return folder
  }

  it('pushes with the token in the address, and anyone pulls the same bytes', async () => {
    const names = ['silero_vad.jit', 'silero_vad.onnx', 'silero_vad_16k.safetensors']
    await pushed(inUrl, [], async folder => {
      await ada.run('git', ['lfs', 'track', '*.jit'], { cwd: folder })
      for (const name of names) await copyFile(join(SILERO, name), join(folder, name))
      await writeFile(join(folder, 'empty.onnx'), '')
    })
    const clone = await temporaryFolder()
    await anyone.run('git', ['clone', '--quiet', plain, clone])
    const wanted = await hashes(SILERO)
    const got = await hashes(clone)
    for (const name of names) expect(got[name]).toBe(wanted[name])
    expect(got['empty.onnx']).toBe(sha256(new Uint8Array()))
    expect((await anyone.run('git', ['lfs', 'ls-files', '--name-only'], { cwd: clone })).split('\n')).toEqual(
      expect.arrayContaining(names),
    )
    await anyone.run('git', ['lfs', 'fsck'], { cwd: clone })
  })

  it('pushes with the token in a header', async () => {
    const how = ['-c', `http.extraHeader=Authorization: Bearer ${hub().token}`]
    const bytes = noise(6_000_000, 'header')
    await pushed(plain, how, folder => writeFile(join(folder, 'header.bin'), bytes))
    const clone = await temporaryFolder()
    await anyone.run('git', ['clone', '--quiet', plain, clone])
    expect(sha256(await readFile(join(clone, 'header.bin')))).toBe(sha256(bytes))
  })

  it('clones pointers alone, and pulls some of the files later', async () => {
    const clone = await temporaryFolder()
    await anyone.run('git', ['clone', '--quiet', plain, clone], { env: { GIT_LFS_SKIP_SMUDGE: '1' } })
    expect(await readFile(join(clone, 'silero_vad.jit'), 'utf8')).toMatch(/^version https:\/\/git-lfs/)
    await anyone.run('git', ['lfs', 'pull', '--include', 'silero_vad.jit'], { cwd: clone })
    expect(sha256(await readFile(join(clone, 'silero_vad.jit')))).toBe(
      (await hashes(SILERO))['silero_vad.jit'],
    )
    expect(await readFile(join(clone, 'silero_vad.onnx'), 'utf8')).toMatch(/^version https:\/\/git-lfs/)
  })

  it('shows to the API what is large', async () => {
    const listed = await (await fetch(`${hub().url}/api/models/${repo}/tree/main`)).json()
    const digest = (await hashes(SILERO))['silero_vad_16k.safetensors']
    expect(listed).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          path: 'silero_vad_16k.safetensors',
          size: 1_239_748,
          lfs: { oid: digest, size: 1_239_748, pointerSize: 132 },
          xetHash: expect.stringMatching(/^[0-9a-f]{64}$/),
        }),
      ]),
    )
  })

  it('sends no object twice to the same repository', async () => {
    const mark = (await hub().wholeLog()).length
    await pushed(inUrl, [], async folder => {
      await copyFile(join(SILERO, 'silero_vad.onnx'), join(folder, 'another-name.onnx'))
    })
    const log = (await hub().wholeLog()).slice(mark)
    expect(log).toContain('/info/lfs/objects/batch')
    expect(log).not.toMatch(/"method":"PUT"/)
  })

  it('is told that there are no locks: once and silently in a push, in words when somebody wants one', async () => {
    const folder = await temporaryFolder()
    await ada.run('git', ['clone', '--quiet', inUrl, folder])
    await writeFile(join(folder, 'locked.bin'), noise(10_000, 'locks'))
    await ada.run('git', ['add', '.'], { cwd: folder })
    await ada.run('git', ['commit', '--quiet', '--message', 'Locks'], { cwd: folder })
    const { stdout, stderr } = await ada.attempt('git', ['push'], { cwd: folder })
    expect(stdout + stderr).toContain('main -> main')
    expect(stdout + stderr).not.toMatch(/lock/i)
    expect(await ada.attempt('git', ['lfs', 'lock', 'locked.bin'], { cwd: folder })).toMatchObject({
      code: expect.not.stringMatching(/^0$/),
      stderr: expect.stringContaining('This hub locks no files'),
    })
  })

  it('keeps a private repository to itself', async () => {
    await ada.run('hf', ['repos', 'create', 'acme/lfs-private', '--private'])
    const url = `${hub().url}/acme/lfs-private`
    const bytes = noise(300_000, 'private')
    await pushed(url.replace('://', `://ada:${hub().token}@`), [], folder =>
      writeFile(join(folder, 'a.bin'), bytes),
    )
    const batch = (token?: string) =>
      fetch(`${url}.git/info/lfs/objects/batch`, {
        method: 'POST',
        headers: {
          'content-type': 'application/vnd.git-lfs+json',
          accept: 'application/vnd.git-lfs+json',
          ...(token ? { authorization: `Basic ${btoa(`x:${token}`)}` } : {}),
        },
        body: JSON.stringify({
          operation: 'download',
          objects: [{ oid: sha256(bytes), size: bytes.length }],
        }),
      })
    expect((await batch(hub().token)).status).toBe(200)
    expect((await batch()).status).toBe(401)
    expect((await batch(hub().stranger.token)).status).toBe(404)

    // Naming an object that lies in a repository of others gives no way to it.
    const bob = await newMachine(hub().url, hub().stranger.token)
    await bob.run('hf', ['repos', 'create', 'bobs'])
    const stolen = await fetch(`${hub().url}/bob/bobs.git/info/lfs/objects/batch`, {
      method: 'POST',
      headers: {
        'content-type': 'application/vnd.git-lfs+json',
        authorization: `Bearer ${hub().stranger.token}`,
      },
      body: JSON.stringify({ operation: 'download', objects: [{ oid: sha256(bytes), size: bytes.length }] }),
    })
    expect(await stolen.json()).toMatchObject({ objects: [{ oid: sha256(bytes), error: { code: 404 } }] })
    const claim = {
      key: 'lfsFile',
      value: { path: 'a.bin', algo: 'sha256', oid: sha256(bytes), size: bytes.length },
    }
    const commit = await fetch(`${hub().url}/api/models/bob/bobs/commit/main`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson', authorization: `Bearer ${hub().stranger.token}` },
      body: `${JSON.stringify({ key: 'header', value: { summary: 'Not mine' } })}\n${JSON.stringify(claim)}\n`,
    })
    expect(commit.status).toBeGreaterThanOrEqual(400)
    expect(commit.status).toBeLessThan(500)
  })
})
