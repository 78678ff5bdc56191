import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { commit, createRepo, downloadFile } from '@huggingface/hub'
import { beforeAll, describe, expect, it } from 'vitest'
import { noise } from './inputs.ts'
import { folderOf, type Machine, newMachine, temporaryFolder } from './run.ts'
import { useHub } from './use-hub.ts'

const hub = useHub()
const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==',
  'base64',
)

describe('pull requests by huggingface_hub', () => {
  it.each([
    ['with hf_xet', {}],
    ['without it', { HF_HUB_DISABLE_XET: '1' }],
  ])('of somebody who may only read, %s', async (how, env) => {
    const machine = await newMachine(hub().url)
    const folder = await folderOf({ 'weights.bin': noise(3_000_000, how), 'plot.png': png })
    const told = await machine.python<{ image: string; events: string[] }>(
      'discussions',
      {
        repo: `ada/talk-${how.replace(/\W/g, '-')}`,
        folder,
        owner: hub().token,
        reader: hub().stranger.token,
      },
      { env },
    )
    expect(told.events).toEqual([
      ...['comment', 'commit', 'commit', 'commit', 'comment', 'comment', 'title-change'],
      ...['commit', 'comment', 'status-change'],
    ])
    const image = await fetch(told.image)
    expect(image.headers.get('content-type')).toBe('image/png')
    expect(Buffer.from(await image.arrayBuffer())).toEqual(png)
  })
})

interface Answer {
  num: number
  events: { data: object }[]
}

describe('pull requests by git', () => {
  const repo = 'ada/talk-git'
  let ada: Machine
  let bob: Machine
  let work: string
  const address = (account: { name: string; token: string }) => {
    const url = new URL(`${hub().url}/${repo}`)
    ;[url.username, url.password] = [account.name, account.token]
    return url.href
  }
  const git = async (machine: Machine, ...args: string[]) =>
    (await machine.run('git', args, { cwd: work })).trim()
  const api = async (path: string, token: string, body?: object): Promise<Answer> => {
    const answer = await fetch(`${hub().url}/api/models/${repo}/${path}`, {
      method: body ? 'POST' : 'GET',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    })
    expect([answer.status, await answer.clone().text()]).toEqual([200, expect.any(String)])
    return (await answer.json()) as Answer
  }

  beforeAll(async () => {
    ada = await newMachine(hub().url, hub().token)
    bob = await newMachine(hub().url, hub().stranger.token)
    await ada.run('hf', ['repos', 'create', repo])
    work = await temporaryFolder()
    await bob.run('git', ['clone', '--quiet', address(hub().stranger), work])
  })

  it('are pushed by their author, large files too, fetched by anybody, and merged', async () => {
    const { num } = await api('discussions', hub().stranger.token, { title: 'By git', pullRequest: true })
    const weights = noise(400_000, 'by git')
    await writeFile(join(work, 'weights.bin'), weights)
    await writeFile(join(work, 'text.txt'), 'text\n')
    await git(bob, 'add', '.')
    await git(bob, 'commit', '--quiet', '--message', 'Weights by git')
    await writeFile(join(work, 'text.txt'), 'more text\n')
    await git(bob, 'commit', '--quiet', '--all', '--message', 'More text')
    await git(bob, 'push', 'origin', `HEAD:refs/pr/${num}`)
    const head = await git(bob, 'rev-parse', 'HEAD')

    const found = await api(`discussions/${num}`, hub().token)
    expect(found.events.slice(1).map(event => event.data)).toEqual([
      { subject: 'Weights by git', oid: await git(bob, 'rev-parse', 'HEAD~') },
      { subject: 'More text', oid: head },
    ])
    const elsewhere = await temporaryFolder()
    const anyone = await newMachine(hub().url)
    await anyone.run('git', ['clone', '--quiet', `${hub().url}/${repo}`, elsewhere])
    await anyone.run('git', ['fetch', '--quiet', 'origin', `refs/pr/${num}`], { cwd: elsewhere })
    expect((await anyone.run('git', ['rev-parse', 'FETCH_HEAD'], { cwd: elsewhere })).trim()).toBe(head)

    // The owner helps, by a push to it.
    await git(ada, 'remote', 'add', 'ada', address(hub().owner))
    await writeFile(join(work, 'owner.txt'), 'by ada\n')
    await git(ada, 'add', '.')
    await git(ada, 'commit', '--quiet', '--message', 'By the owner')
    await git(ada, 'push', 'ada', `HEAD:refs/pr/${num}`)
    await api(`discussions/${num}/status`, hub().token, { status: 'open' })
    await api(`discussions/${num}/merge`, hub().token, {})
    await anyone.run('git', ['pull', '--quiet', '--ff-only'], { cwd: elsewhere })
    expect((await anyone.run('git', ['rev-parse', 'HEAD'], { cwd: elsewhere })).trim()).toBe(
      await git(ada, 'rev-parse', 'HEAD'),
    )
    const file = await fetch(`${hub().url}/${repo}/resolve/main/weights.bin`)
    expect(Buffer.from(await file.arrayBuffer()).equals(weights)).toBe(true)
    expect(await anyone.run('git', ['fsck', '--strict', '--full'], { cwd: elsewhere })).toBe('')
  })

  it('are refused in words where they may not go', async () => {
    const { num } = await api('discussions', hub().token, { title: 'By the owner', pullRequest: true })
    const said = async (ref: string) => {
      const ran = await bob.attempt('git', ['push', 'origin', `HEAD:${ref}`], { cwd: work })
      expect(ran.code).not.toBe(0)
      return ran.stderr
    }
    await git(bob, 'commit', '--quiet', '--allow-empty', '--message', 'Nothing')
    expect(await said('refs/heads/main')).toContain(`you may not write to ${repo}`)
    expect(await said('refs/heads/of-bob')).toContain(`you may not write to ${repo}`)
    expect(await said(`refs/pr/${num}`)).toContain('only its author')
    expect(await said('refs/pr/77')).toContain('there is no pull request 77')
    expect(await said('refs/pr/1')).toContain('#1 is merged; it takes no more commits')
    const gone = await bob.attempt('git', ['push', 'origin', '--delete', 'refs/pr/1'], { cwd: work })
    expect(gone.stderr).toContain('cannot be deleted')
  })
})

describe('pull requests by @huggingface/hub', () => {
  it.each([true, false])('of somebody who may only read, by Xet: %s', async useXet => {
    const repo = { type: 'model', name: `ada/talk-js-${useXet}` } as const
    await createRepo({ repo, hubUrl: hub().url, accessToken: hub().token })
    const bob = { repo, hubUrl: hub().url, accessToken: hub().stranger.token, useXet }
    const add = (path: string, bytes: Uint8Array<ArrayBuffer>) =>
      ({ operation: 'addOrUpdate', path, content: new Blob([bytes]) }) as const
    const first = new Uint8Array(noise(300_000, `first ${useXet}`))
    const made = await commit({
      ...bob,
      title: 'By js',
      isPullRequest: true,
      operations: [add('a.bin', first)],
    })
    expect(made?.pullRequestUrl).toBe(`${hub().url}/${repo.name}/discussions/1`)
    const second = new Uint8Array(noise(300_000, `second ${useXet}`))
    await commit({ ...bob, title: 'More', branch: 'refs/pr/1', operations: [add('b.bin', second)] })
    for (const [path, bytes] of [
      ['a.bin', first],
      ['b.bin', second],
    ] as const) {
      const blob = await downloadFile({ repo, path, revision: 'refs/pr/1', hubUrl: hub().url })
      expect(Buffer.from(await blob!.arrayBuffer()).equals(bytes)).toBe(true)
    }
    await expect(commit({ ...bob, title: 'No', operations: [add('c.bin', second)] })).rejects.toMatchObject({
      statusCode: 403,
    })
  })
})
