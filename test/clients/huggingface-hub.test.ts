import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { repoTypes } from '../../server/kernel/repository.ts'
import { hashes, noise, SILERO, sha256, sha256OfFile } from './inputs.ts'
import { folderOf, newMachine, temporaryFolder } from './run.ts'
import { useHub } from './use-hub.ts'

const hub = useHub()

interface Outcome {
  raised?: string[]
  returned?: string
  status?: number
  code?: string | null
  message?: string
  requestId?: string
}

describe('huggingface_hub', () => {
  it('lives through a repository: commits, tree, branches, tags, history, search, settings', async () => {
    const ada = await newMachine(hub().url, hub().token)
    const told = await ada.python<{ head: string; weights: string }>('repository', {
      repo: 'ada/trial',
      endpoint: hub().url,
    })
    expect(told.head).toMatch(/^[0-9a-f]{40}$/)
    expect(told.weights).toBe(sha256(new Uint8Array(102_400).map((_, at) => at % 256)))
  })

  it('downloads a snapshot with hf_xet and without it, byte-equal', async () => {
    const ada = await newMachine(hub().url, hub().token)
    const { oid } = await ada.python<{ oid: string }>('push', { repo: 'ada/voice', folder: SILERO })
    const wanted = await hashes(SILERO)

    for (const xet of [true, false]) {
      const anyone = await newMachine(hub().url)
      const mark = (await hub().wholeLog()).length
      const env: Record<string, string> = xet ? {} : { HF_HUB_DISABLE_XET: '1' }
      const { path } = await anyone.python<{ path: string }>('pull', { repo: 'ada/voice', xet }, { env })
      expect(path).toMatch(new RegExp(`/snapshots/${oid}$`))
      const { '.gitattributes': _, ...got } = await hashes(path)
      expect(got).toEqual(wanted)
      // The hub's own log tells which way the bytes went.
      expect((await hub().wholeLog()).slice(mark).includes('/reconstructions/')).toBe(xet)
    }
  })

  it('downloads one file with hf_xet and without it, at a branch, a tag and a commit', async () => {
    const ada = await newMachine(hub().url, hub().token)
    const bytes = noise(3_000_000, 'one file')
    const folder = await folderOf({ 'weights.bin': bytes })
    const files = { 'deep/er/weights é.bin': `${folder}/weights.bin` }
    const { oid } = await ada.python<{ oid: string }>('push', { repo: 'ada/one', files })
    await ada.run('hf', ['repos', 'tag', 'create', 'ada/one', 'v1.0'])

    for (const xet of [true, false]) {
      const anyone = await newMachine(hub().url)
      const env: Record<string, string> = xet ? {} : { HF_HUB_DISABLE_XET: '1' }
      const wanted = { repo: 'ada/one', file: 'deep/er/weights é.bin', xet }
      const revisions = ['main', 'v1.0', oid, oid.slice(0, 12)]
      const { paths } = await anyone.python<{ paths: string[] }>('pull', { ...wanted, revisions }, { env })
      expect(paths).toHaveLength(revisions.length)
      for (const path of paths) {
        expect(path).toContain(`/snapshots/${oid}/`)
        expect(await sha256OfFile(path)).toBe(sha256(bytes))
      }
    }
  })

  it('uploads without hf_xet through LFS, and commits nothing when nothing has changed', async () => {
    const ada = await newMachine(hub().url, hub().token)
    const bytes = noise(25_000_000, 'by LFS')
    const folder = await folderOf({
      'big.bin': bytes,
      'small.bin': noise(2000, 'small'),
      'a/text.txt': 'text\n',
    })
    const env = { HF_HUB_DISABLE_XET: '1' }
    const mark = (await hub().wholeLog()).length
    const first = await ada.python<{ oid: string }>('push', { repo: 'ada/by-lfs', folder }, { env })
    const log = (await hub().wholeLog()).slice(mark)
    expect(log).toContain('/info/lfs/objects/batch')
    expect(log).not.toContain('/xorbs/')
    const again = await ada.python<{ oid: string }>('push', { repo: 'ada/by-lfs', folder }, { env })
    expect(again.oid).toBe(first.oid)

    const anyone = await newMachine(hub().url)
    const { path } = await anyone.python<{ path: string }>('pull', { repo: 'ada/by-lfs' })
    expect(await hashes(path)).toMatchObject(await hashes(folder))
  })

  it('uploads a file of over 512 MiB without hf_xet in parts', async () => {
    const ada = await newMachine(hub().url, hub().token)
    const path = join(await temporaryFolder(), 'huge.bin')
    const size = 512 * 2 ** 20 + 1_000_003
    const file = await open(path, 'w')
    // Mostly a hole, so that it is cheap; what is in it lies on both ends and across the middle.
    for (const at of [0, 256 * 2 ** 20 - 1000, size - 1_000_000])
      await file.write(noise(1_000_000, `at ${at}`), 0, 1_000_000, at)
    await file.close()
    const mark = (await hub().wholeLog()).length
    const env = { HF_HUB_DISABLE_XET: '1' }
    await ada.python('push', { repo: 'ada/in-parts', files: { 'huge.bin': path } }, { env })
    expect((await hub().wholeLog()).slice(mark)).toMatch(/\/info\/lfs\/uploads\/[^/"]+\/2"/) // the second part
    const hash = createHash('sha256')
    const answer = await fetch(`${hub().url}/ada/in-parts/resolve/main/huge.bin`)
    for await (const bytes of answer.body ?? []) hash.update(bytes)
    expect(hash.digest('hex')).toBe(await sha256OfFile(path))
  })

  it('raises its own errors, with the request id and the words of the hub', async () => {
    const ada = await newMachine(hub().url, hub().token)
    await ada.python('push', {
      repo: 'ada/there',
      files: { 'a.txt': `${await folderOf({ 'a.txt': 'a' })}/a.txt` },
    })
    const wrong = `hf_${'w'.repeat(34)}`
    const calls = [
      { do: 'model_info', with: { repo_id: 'ada/absent' } },
      { do: 'model_info', with: { repo_id: 'ada/absent' }, token: hub().token },
      { do: 'model_info', with: { repo_id: 'absent' }, token: hub().token },
      { do: 'dataset_info', with: { repo_id: 'ada/there' }, token: hub().token },
      { do: 'hf_hub_download', with: { repo_id: 'ada/absent', filename: 'a.txt' } },
      { do: 'snapshot_download', with: { repo_id: 'ada/absent' } },
      { do: 'model_info', with: { repo_id: 'ada/there', revision: 'absent' } },
      { do: 'hf_hub_download', with: { repo_id: 'ada/there', filename: 'a.txt', revision: 'absent' } },
      { do: 'list_repo_tree', with: { repo_id: 'ada/there', revision: 'absent' } },
      { do: 'hf_hub_download', with: { repo_id: 'ada/there', filename: 'absent.txt' } },
      { do: 'list_repo_tree', with: { repo_id: 'ada/there', path_in_repo: 'absent' } },
      { do: 'whoami', with: {}, token: wrong },
      { do: 'create_repo', with: { repo_id: 'ada/new' }, token: wrong },
      { do: 'create_repo', with: { repo_id: 'ada/there' }, token: hub().token },
      { do: 'create_repo', with: { repo_id: 'ada/mine' }, token: hub().stranger.token },
      { do: 'create_branch', with: { repo_id: 'ada/there', branch: 'main' }, token: hub().token },
      { do: 'delete_branch', with: { repo_id: 'ada/there', branch: 'main' }, token: hub().token },
      { do: 'delete_file', with: { repo_id: 'ada/there', path_in_repo: 'absent' }, token: hub().token },
      { do: 'model_info', with: { repo_id: 'ada/there', expand: ['nonsense'] } },
    ]
    const anyone = await newMachine(hub().url)
    const outcomes = await anyone.python<Outcome[]>('attempts', { calls })
    // Codes that clients do not know of are the hub's own affair.
    const known = /^(RepoNotFound|RevisionNotFound|EntryNotFound|GatedRepo)$/
    const told = outcomes.map(({ raised, status, code }) => [
      raised?.[0],
      status,
      known.test(code ?? '') ? code : null,
    ])
    expect(told).toEqual([
      ['RepositoryNotFoundError', 401, 'RepoNotFound'],
      ['RepositoryNotFoundError', 404, 'RepoNotFound'],
      ['RepositoryNotFoundError', 404, 'RepoNotFound'],
      ['RepositoryNotFoundError', 404, 'RepoNotFound'],
      ['RepositoryNotFoundError', 401, 'RepoNotFound'],
      ['RepositoryNotFoundError', 401, 'RepoNotFound'],
      ['RevisionNotFoundError', 404, 'RevisionNotFound'],
      ['RevisionNotFoundError', 404, 'RevisionNotFound'],
      ['RevisionNotFoundError', 404, 'RevisionNotFound'],
      ['RemoteEntryNotFoundError', 404, 'EntryNotFound'],
      ['RemoteEntryNotFoundError', 404, 'EntryNotFound'],
      ['HfHubHTTPError', 401, null],
      ['HfHubHTTPError', 401, null],
      ['HfHubHTTPError', 409, null],
      ['HfHubHTTPError', 403, null],
      ['HfHubHTTPError', 409, null],
      [
        expect.stringMatching(/HfHubHTTPError|BadRequestError/),
        expect.toSatisfy(s => s >= 400 && s < 500),
        null,
      ],
      ['RemoteEntryNotFoundError', 404, 'EntryNotFound'],
      ['BadRequestError', 400, null],
    ])
    expect(outcomes[13]?.message).toContain('already')
    expect(outcomes[17]?.message).toContain("A file with this name doesn't exist")
    const log = await hub().wholeLog()
    for (const { requestId } of outcomes) expect(log).toContain(requestId)
  })

  it('deletes repositories of each type', async () => {
    const ada = await newMachine(hub().url, hub().token)
    for (const type of repoTypes) {
      await ada.run('hf', [
        'repos',
        'create',
        'gone',
        '--type',
        type,
        ...(type === 'space' ? ['--sdk', 'static'] : []),
      ])
    }
    const repos = repoTypes.map(type => [type, 'ada/gone'])
    expect(await ada.python('delete', { repos })).toEqual(repoTypes.map(() => false))
  })
})
