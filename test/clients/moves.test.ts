import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { commit, downloadFile, fileDownloadInfo, listFiles, modelInfo } from '@huggingface/hub'
import { beforeAll, describe, expect, it } from 'vitest'
import { noise, sha256 } from './inputs.ts'
import { type Machine, newMachine, temporaryFolder } from './run.ts'
import { useHub } from './use-hub.ts'

const hub = useHub()
let ada: Machine
beforeAll(async () => {
  ada = await newMachine(hub().url, hub().token)
})

async function ask(method: string, path: string, body: unknown): Promise<void> {
  const headers = { authorization: `Bearer ${hub().token}`, 'content-type': 'application/json' }
  const answer = await fetch(hub().url + path, { method, headers, body: JSON.stringify(body) })
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
}
const create = (name: string, isPrivate = false) =>
  ask('POST', '/api/repos/create', { name, private: isPrivate })
const move = (fromRepo: string, toRepo: string) =>
  ask('POST', '/api/repos/move', { fromRepo, toRepo, type: 'model' })

describe.each([true, false])('huggingface_hub, with hf_xet: %s', xet => {
  it('moves, duplicates, squashes, copies, and deletes large files for good', async () => {
    const name = xet ? 'by-xet' : 'by-lfs'
    await create(`ada/${name}-taken`)
    const env: Record<string, string> = xet ? {} : { HF_HUB_DISABLE_XET: '1' }
    const input = {
      repo: `ada/${name}`,
      other: `acme/${name}-other`,
      taken: `ada/${name}-taken`,
      stranger: hub().stranger.token,
      xet,
    }
    expect(await ada.python('moves', input, { env })).toEqual({ done: true })
  })
})

describe('git', () => {
  const withToken = (repo: string) => `${hub().url.replace('://', `://ada:${hub().token}@`)}/${repo}`
  const git = (folder: string, ...args: string[]) => ada.run('git', args, { cwd: folder })

  it('clones, fetches and pushes by an old address, large files too', async () => {
    await create('ada/named', true)
    const folder = await temporaryFolder()
    await ada.run('git', ['clone', '--quiet', withToken('ada/named'), folder])
    const before = noise(300_000, 'before')
    await writeFile(join(folder, 'before.bin'), before)
    await git(folder, 'add', '.')
    await git(folder, 'commit', '--quiet', '--message', 'Before')
    await git(folder, 'push', '--quiet')
    await move('ada/named', 'acme/renamed')

    // The clone that was there goes on.
    const after = noise(300_000, 'after')
    await writeFile(join(folder, 'after.bin'), after)
    await writeFile(join(folder, 'after.txt'), 'after')
    await git(folder, 'add', '.')
    await git(folder, 'commit', '--quiet', '--message', 'After')
    await git(folder, 'push', '--quiet')
    await git(folder, 'fetch', '--quiet')
    expect(await git(folder, 'ls-remote', withToken('acme/renamed'), 'main')).toContain(
      (await git(folder, 'rev-parse', 'HEAD')).trim(),
    )

    // A new one by each old address gets all of it.
    for (const address of ['ada/named', 'ada/named.git', 'acme/renamed']) {
      const clone = await temporaryFolder()
      await ada.run('git', ['clone', '--quiet', withToken(address), clone])
      expect(await readFile(join(clone, 'after.txt'), 'utf8')).toBe('after')
      expect(sha256(await readFile(join(clone, 'before.bin')))).toBe(sha256(before))
      expect(sha256(await readFile(join(clone, 'after.bin')))).toBe(sha256(after))
      await git(clone, 'lfs', 'fsck')
    }

    const bob = await newMachine(hub().url)
    for (const address of ['ada/named', 'ada/never-there']) {
      const asBob = `${hub().url.replace('://', `://bob:${hub().stranger.token}@`)}/${address}`
      const refused = await bob.attempt('git', ['ls-remote', asBob])
      expect([refused.code, refused.stderr]).toEqual([128, expect.stringContaining('Repository not found')])
      expect(refused.stderr).not.toContain('renamed')
    }
  })
})

describe('@huggingface/hub', () => {
  it('reads and commits by an old name', async () => {
    const caller = { hubUrl: hub().url, accessToken: hub().token }
    await create('ada/js-old', true)
    await move('ada/js-old', 'ada/js-new')
    const large = noise(200_000, 'js')
    await commit({
      ...caller,
      repo: 'ada/js-old',
      title: 'By the old name',
      operations: [
        { operation: 'addOrUpdate', path: 'a.txt', content: new Blob(['text']) },
        { operation: 'addOrUpdate', path: 'w.bin', content: new Blob([new Uint8Array(large)]) },
      ],
    })
    for (const repo of ['ada/js-old', 'ada/js-new']) {
      const text = await downloadFile({ ...caller, repo, path: 'a.txt' })
      expect(await text?.text()).toBe('text')
      const blob = await downloadFile({ ...caller, repo, path: 'w.bin' })
      expect(sha256(new Uint8Array((await blob?.arrayBuffer()) ?? []))).toBe(sha256(large))
      expect((await fileDownloadInfo({ ...caller, repo, path: 'w.bin' }))?.size).toBe(large.length)
      const paths = []
      for await (const { path } of listFiles({ ...caller, repo })) paths.push(path)
      expect(paths.sort()).toEqual(['.gitattributes', 'a.txt', 'w.bin'])
      expect((await modelInfo({ ...caller, name: repo })).name).toBe('ada/js-new')
    }
  })
})
