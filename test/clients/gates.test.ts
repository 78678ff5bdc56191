import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { noise } from './inputs.ts'
import { folderOf, type Machine, newMachine, temporaryFolder } from './run.ts'
import { useHub } from './use-hub.ts'

const hub = useHub()

/** A gated repository shows itself to everybody, and its files to those whom its gate has let in: at every door. */
describe('a gated repository', () => {
  const repo = 'ada/gated'
  const bytes = noise(300_000, 'gated')
  let ada: Machine
  let bob: Machine
  let anyone: Machine
  let reader: string

  beforeAll(async () => {
    ada = await newMachine(hub().url, hub().token)
    bob = await newMachine(hub().url, hub().stranger.token)
    anyone = await newMachine(hub().url)
    const card = '---\nextra_gated_fields:\n  Company: text\n---\n'
    await ada.python('push', { repo, folder: await folderOf({ 'README.md': card, 'w.bin': bytes }) })
    await ada.run('hf', ['repos', 'settings', repo, '--gated', 'manual'])
    reader = (await hub().runCli(['token', 'add', 'bob', '--role', 'read', '--name', 'reader'])).trim()
  })

  type Outcome = { raised?: string[]; returned?: string; status?: number; message?: string }
  const call = async (machine: Machine, ...calls: [string, Record<string, unknown>][]) =>
    machine.python<Outcome[]>('attempts', {
      calls: calls.map(([what, more]) => ({ do: what, with: { repo_id: repo, ...more } })),
    })
  const clone = async (machine: Machine, who: string) => {
    const folder = await temporaryFolder()
    const url = `${hub().url.replace('://', `://${who}`)}/${repo}`
    return { folder, ...(await machine.attempt('git', ['clone', '--quiet', url, folder])) }
  }
  const fetchAs = (token: string | undefined, path: string, init: RequestInit = {}) =>
    fetch(`${hub().url}${path}`, {
      ...init,
      headers: { ...(token && { authorization: `Bearer ${token}` }), ...init.headers },
    })
  const lfsBatch = (token: string | undefined) =>
    fetchAs(token, `/${repo}.git/info/lfs/objects/batch`, {
      method: 'POST',
      headers: { 'content-type': 'application/vnd.git-lfs+json' },
      body: JSON.stringify({
        operation: 'download',
        transfers: ['basic'],
        objects: [{ oid: createHash('sha256').update(bytes).digest('hex'), size: bytes.length }],
      }),
    })

  it('tells everybody what it is, and which files there are', async () => {
    for (const machine of [bob, anyone]) {
      const [info, files, exists] = await call(
        machine,
        ['model_info', {}],
        ['list_repo_files', {}],
        ['repo_exists', {}],
      )
      expect(info?.returned).toContain("gated='manual'")
      expect(files?.returned).toContain('w.bin')
      expect(exists?.returned).toBe('True')
    }
  })

  it('gives no file to others: by Python, git, LFS, Xet or curl', async () => {
    for (const [machine, token, status] of [
      [bob, hub().stranger.token, 403],
      [anyone, undefined, 401],
    ] as const) {
      const refused = await call(
        machine,
        ['hf_hub_download', { filename: '.gitattributes' }],
        ['hf_hub_download', { filename: 'w.bin' }],
        ['snapshot_download', {}],
        ['auth_check', {}],
      )
      for (const { raised, status: found, message } of refused) {
        expect([raised?.[0], found]).toEqual(['GatedRepoError', status])
        expect(message).toContain('Access to model ada/gated is restricted')
      }
      const cloned = await clone(machine, token ? `bob:${token}@` : '')
      expect(cloned.code).not.toBe(0)
      for (const path of [
        `/${repo}/resolve/main/w.bin`,
        `/${repo}/raw/main/README.md`,
        `/api/models/${repo}/xet-read-token/main`,
        `/${repo}.git/info/refs?service=git-upload-pack`,
      ]) {
        const answer = await fetchAs(token, path)
        expect([path, answer.status, answer.headers.get('x-error-code')]).toEqual([path, status, 'GatedRepo'])
      }
      expect((await lfsBatch(token)).status).toBe(status)
    }
  })

  it('lets a person in whom its owner has accepted, and out whom he has rejected', async () => {
    const asked = await fetchAs(hub().stranger.token, `/${repo}/ask-access`, {
      method: 'POST',
      body: new URLSearchParams({ Company: 'Banyan' }),
    })
    expect([asked.status, await asked.json()]).toEqual([200, { status: 'pending' }])
    const [pending, accepted] = await call(
      ada,
      ['list_pending_access_requests', {}],
      ['accept_access_request', { user: 'bob' }],
    )
    expect(pending?.returned).toMatch(/username='bob'.*status='pending'.*fields=\{'Company': 'Banyan'\}/)
    expect(accepted?.returned).toBe('None')

    const pulled = await bob.python<{ path: string }>('pull', { repo })
    expect((await stat(join(pulled.path, 'w.bin'))).size).toBe(bytes.length)
    // A token that may only read reads what its user may.
    expect((await fetchAs(reader, `/${repo}/resolve/main/w.bin`)).status).toBe(200)
    const cloned = await clone(bob, `bob:${hub().stranger.token}@`)
    expect([cloned.code, (await stat(join(cloned.folder, 'w.bin'))).size]).toEqual([0, bytes.length])
    expect((await clone(anyone, '')).code).not.toBe(0)

    const [rejected, listed] = await call(
      ada,
      ['reject_access_request', { user: 'bob', rejection_reason: 'no such company' }],
      ['list_rejected_access_requests', {}],
    )
    expect([rejected?.returned, listed?.returned?.includes("username='bob'")]).toEqual(['None', true])
    expect((await clone(bob, `bob:${hub().stranger.token}@`)).code).not.toBe(0)
    const [refused] = await call(bob, ['auth_check', {}])
    expect([refused?.raised?.[0], refused?.message]).toEqual([
      'GatedRepoError',
      expect.stringContaining('rejected'),
    ])
  })

  it('does not tell by deduplication what is in it', async () => {
    await bob.run('hf', ['repos', 'create', 'guess', '--exist-ok'])
    const answer = await fetchAs(hub().stranger.token, '/bob/guess.git/info/lfs/objects/batch', {
      method: 'POST',
      headers: { 'content-type': 'application/vnd.git-lfs+json' },
      body: JSON.stringify({
        operation: 'upload',
        transfers: ['basic'],
        objects: [{ oid: createHash('sha256').update(bytes).digest('hex'), size: bytes.length }],
      }),
    })
    const { objects } = (await answer.json()) as { objects: { actions?: { upload?: unknown } }[] }
    expect(objects[0]?.actions?.upload).toBeDefined()
  })
})
