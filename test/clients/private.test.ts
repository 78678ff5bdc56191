import { join } from 'node:path'
import { downloadFile, listFiles, repoExists } from '@huggingface/hub'
import { beforeAll, describe, expect, it } from 'vitest'
import { noise, sha256 } from './inputs.ts'
import { folderOf, type Machine, newMachine, temporaryFolder } from './run.ts'
import { useHub } from './use-hub.ts'

const hub = useHub()

/** A private repository does not exist for those who may not read it: at every door as if there were none. */
describe('a private repository', () => {
  const repo = 'ada/secret-plans'
  const bytes = noise(200_000, 'secret')
  let ada: Machine
  let bob: Machine
  let anyone: Machine
  let xetHash: string

  beforeAll(async () => {
    ada = await newMachine(hub().url, hub().token)
    bob = await newMachine(hub().url, hub().stranger.token)
    anyone = await newMachine(hub().url)
    const folder = await folderOf({ 'plan.txt': 'the plan\n', 'weights.bin': bytes })
    await ada.python('push', { repo, folder, private: true })
    const [entry] = (await (
      await fetch(`${hub().url}/api/models/${repo}/paths-info/main`, {
        method: 'POST',
        headers: { authorization: `Bearer ${hub().token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ paths: ['weights.bin'] }),
      })
    ).json()) as { xetHash: string }[]
    xetHash = entry?.xetHash ?? ''
  })

  it('is open to its owner at every door', async () => {
    const { path } = await ada.python<{ path: string }>('pull', { repo })
    expect(path).toContain('/snapshots/')
    const clone = await temporaryFolder()
    await ada.run('git', [
      'clone',
      '--quiet',
      `${hub().url.replace('://', `://x:${hub().token}@`)}/${repo}`,
      clone,
    ])
    const url = `${hub().url}/${repo}/resolve/main/plan.txt`
    expect(
      await ada.run('curl', ['--silent', '--fail', '--location', '--oauth2-bearer', hub().token, url]),
    ).toBe('the plan\n')
    const weights = await downloadFile({
      repo,
      path: 'weights.bin',
      hubUrl: hub().url,
      accessToken: hub().token,
    })
    expect(sha256(new Uint8Array((await weights?.arrayBuffer()) ?? new ArrayBuffer(0)))).toBe(sha256(bytes))
  })

  it('answers a stranger as an absent one does, by Python', async () => {
    const ask = (repo_id: string) => [
      { do: 'model_info', with: { repo_id } },
      { do: 'list_repo_files', with: { repo_id } },
      { do: 'list_repo_refs', with: { repo_id } },
      { do: 'list_repo_commits', with: { repo_id } },
      { do: 'hf_hub_download', with: { repo_id, filename: 'plan.txt' } },
      { do: 'snapshot_download', with: { repo_id } },
      { do: 'get_paths_info', with: { repo_id, paths: ['plan.txt'] } },
      { do: 'auth_check', with: { repo_id } },
      { do: 'create_branch', with: { repo_id, branch: 'mine' } },
      { do: 'delete_file', with: { repo_id, path_in_repo: 'plan.txt' } },
      { do: 'update_repo_settings', with: { repo_id, private: false } },
      { do: 'delete_repo', with: { repo_id } },
    ]
    type Outcome = { raised?: string[]; returned?: string; status?: number; message?: string }
    for (const machine of [bob, anyone]) {
      const private_ = await machine.python<Outcome[]>('attempts', { calls: ask(repo) })
      const absent = await machine.python<Outcome[]>('attempts', { calls: ask('ada/absent-plans') })
      const facts = (outcomes: Outcome[]) =>
        outcomes.map(({ raised, status, message }) => [
          raised?.[0],
          status,
          message?.replace(/(secret|absent)-plans/g, '…'),
        ])
      expect(facts(private_)).toEqual(facts(absent))
      for (const { raised, returned } of private_) {
        expect(raised, `nothing may come back: ${returned}`).toContain('HfHubHTTPError')
      }
      for (const { do: what, with: call } of [
        { do: 'list_models', with: { author: 'ada' } },
        { do: 'list_models', with: { search: 'secret' } },
        { do: 'repo_exists', with: { repo_id: repo } },
      ]) {
        const [outcome] = await machine.python<Outcome[]>('attempts', { calls: [{ do: what, with: call }] })
        expect(outcome?.returned).toMatch(/^(\[\]|False)$/)
      }
    }
    // It is all still there.
    const [mine] = await ada.python<Outcome[]>('attempts', {
      calls: [{ do: 'list_repo_files', with: { repo_id: repo } }],
    })
    expect(mine?.returned).toContain('plan.txt')
  })

  it('answers a stranger as an absent one does, by git', async () => {
    for (const machine of [bob, anyone]) {
      const token = machine === bob ? `bob:${hub().stranger.token}@` : ''
      const said = async (name: string) => {
        const url = `${hub().url.replace('://', `://${token}`)}/${name}`
        const ran = await machine.attempt('git', ['ls-remote', url])
        expect(ran.code).not.toBe(0)
        return ran.stderr.replaceAll(name, '…')
      }
      expect(await said(repo)).toBe(await said('ada/absent-plans'))
    }
  })

  it('answers a stranger as an absent one does, by curl and on the wire', async () => {
    const doors = [
      'resolve/main/plan.txt',
      'resolve/main/weights.bin',
      'raw/main/plan.txt',
      '.git/info/refs?service=git-upload-pack',
      '.git/info/refs?service=git-receive-pack',
      'info/refs?service=git-upload-pack',
    ]
    const api = [
      '',
      '/revision/main',
      '/tree/main',
      '/refs',
      '/commits/main',
      '/xet-read-token/main',
      '/xet-write-token/main',
    ]
    for (const headers of [{ authorization: `Bearer ${hub().stranger.token}` }, {}]) {
      const answer = async (path: string, name: string) => {
        const got = await fetch(`${hub().url}${path.replaceAll('NAME', name)}`, { headers })
        const code = got.headers.get('x-error-code')
        return [path, got.status, code, (await got.text()).replaceAll(name, '…')]
      }
      for (const path of [
        ...doors.map(door => (door.startsWith('.git') ? `/NAME${door}` : `/NAME/${door}`)),
        ...api.map(door => `/api/models/NAME${door}`),
      ]) {
        const got = await answer(path, repo)
        expect(got).toEqual(await answer(path, 'ada/absent-plans'))
        expect(got[1]).toBe('authorization' in headers ? 404 : 401)
      }
    }
  })

  it('cannot be read through the Xet door with a token for another repository', async () => {
    expect(xetHash).toMatch(/^[0-9a-f]{64}$/)
    await bob.run('hf', ['repos', 'create', 'own', '--exist-ok'])
    const granted = await fetch(`${hub().url}/api/models/bob/own/xet-read-token/main`, {
      headers: { authorization: `Bearer ${hub().stranger.token}` },
    })
    const { accessToken, casUrl } = (await granted.json()) as { accessToken: string; casUrl: string }
    for (const version of ['v1', 'v2']) {
      const answer = await fetch(`${casUrl}/${version}/reconstructions/${xetHash}`, {
        headers: { authorization: `Bearer ${accessToken}` },
      })
      expect([403, 404]).toContain(answer.status)
    }
    expect((await fetch(`${casUrl}/v2/reconstructions/${xetHash}`)).status).toBe(401)
  })

  it('does not exist for JavaScript of a stranger', async () => {
    for (const accessToken of [hub().stranger.token, undefined]) {
      const who = { hubUrl: hub().url, ...(accessToken ? { accessToken } : {}) }
      expect(await repoExists({ repo, ...who })).toBe(false)
      const status = accessToken ? 404 : 401
      await expect(downloadFile({ repo, path: 'plan.txt', ...who })).rejects.toMatchObject({
        statusCode: status,
      })
      await expect(listFiles({ repo, ...who }).next()).rejects.toMatchObject({ statusCode: status })
    }
  })

  it('leaves no token in the log', async () => {
    const log = await hub().wholeLog()
    expect(log).toContain(join('/', repo))
    expect(log).not.toContain(hub().token)
    expect(log).not.toContain(hub().stranger.token)
    expect(log).not.toContain(btoa(`bob:${hub().stranger.token}`))
  })
})
