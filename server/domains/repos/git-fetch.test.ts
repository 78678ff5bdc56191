import { randomBytes } from 'node:crypto'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newGitClient } from '../../../test/git-client.ts'
import { ada, type InProcessHub, startInProcessHub } from '../../../test/in-process-hub.ts'
import { makeCommit } from './make-commit.ts'
import { moveRef, packsOf } from './store.ts'
import { retirePacks } from './store-packs.ts'

let hub: InProcessHub
beforeAll(async () => {
  hub = await startInProcessHub()
})
afterAll(() => hub.close())

async function* ndjson(...lines: unknown[]): AsyncGenerator<Uint8Array> {
  for (const line of lines) yield Buffer.from(`${JSON.stringify(line)}\n`)
}

async function commitFile(
  repo: Parameters<typeof makeCommit>[2],
  path: string,
  content: string,
): Promise<string> {
  const { commitId } = await makeCommit(
    hub.parts,
    ada,
    repo,
    { revision: 'main' },
    ndjson(
      { key: 'header', value: { summary: `add ${path}` } },
      { key: 'file', value: { path, content, encoding: 'utf-8' } },
    ),
  )
  return commitId
}

describe('git fetch over smart HTTP', () => {
  it.each(['0', '1', '2'])('clones by protocol version %s', async version => {
    const git = await newGitClient(hub)
    const repo = await hub.createRepo(`clone-v${version}`)
    const head = await commitFile(repo, 'docs/read me.md', 'hello')
    await git.run('-c', `protocol.version=${version}`, 'clone', '-q', hub.urlOf(repo, 'nobody'), 'work')
    expect(await git.run('-C', 'work', 'rev-parse', 'HEAD')).toBe(head)
    expect(await git.run('-C', 'work', 'show', 'HEAD:docs/read me.md')).toBe('hello')
    expect(await git.run('-C', 'work', 'fsck', '--strict', '--full')).toBe('')
  })

  it('is under the name with .git and under the folders of the other types', async () => {
    const git = await newGitClient(hub)
    const repo = await hub.createRepo('data', { type: 'dataset' })
    await git.run('clone', '-q', `${hub.urlOf(repo, 'nobody')}.git`, 'work')
    expect(await readdir(join(git.home, 'work'))).toContain('.gitattributes')
  })

  it('answers as git-http-backend does', async () => {
    const repo = await hub.createRepo('headers')
    const answer = await fetch(`${hub.urlOf(repo, 'nobody')}/info/refs?service=git-upload-pack`)
    expect(answer.headers.get('content-type')).toBe('application/x-git-upload-pack-advertisement')
    expect(answer.headers.get('cache-control')).toBe('no-cache')
    expect((await answer.text()).startsWith('001e# service=git-upload-pack\n0000')).toBe(true)
    const dumb = await fetch(`${hub.urlOf(repo, 'nobody')}/info/refs`)
    expect(dumb.status).toBe(400)
    expect(await dumb.text()).toContain('git-upload-pack or git-receive-pack')
  })

  it('shows an API commit to git pull at once', async () => {
    const git = await newGitClient(hub)
    const repo = await hub.createRepo('pull')
    await git.run('clone', '-q', hub.urlOf(repo, 'nobody'), 'work')
    for (const name of ['a.txt', 'b.txt', 'c.txt']) {
      const head = await commitFile(repo, name, name)
      await git.run('-C', 'work', 'pull', '-q', '--ff-only')
      expect(await git.run('-C', 'work', 'rev-parse', 'HEAD')).toBe(head)
    }
  })

  it('clones shallow, and deepens', async () => {
    const git = await newGitClient(hub)
    const repo = await hub.createRepo('shallow')
    for (const name of ['a', 'b', 'c']) await commitFile(repo, name, name)
    await git.run('clone', '-q', '--depth', '2', hub.urlOf(repo, 'nobody'), 'work')
    expect(await git.run('-C', 'work', 'rev-list', '--count', 'HEAD')).toBe('2')
    await git.run('-C', 'work', 'fetch', '-q', '--unshallow')
    expect(await git.run('-C', 'work', 'rev-list', '--count', 'HEAD')).toBe('4')
  })

  it('clones without blobs, and brings them when they are needed', async () => {
    const git = await newGitClient(hub)
    const repo = await hub.createRepo('partial')
    await commitFile(repo, 'old.txt', 'old')
    await commitFile(repo, 'old.txt', 'new')
    const url = hub.urlOf(repo, 'nobody')
    await git.run('clone', '-q', '--filter=blob:none', '--no-checkout', url, 'work')
    const missing = await git.run('-C', 'work', 'rev-list', '--objects', '--all', '--missing=print')
    expect(missing.split('\n').filter(line => line.startsWith('?'))).toHaveLength(3)
    expect(await git.run('-C', 'work', 'show', 'HEAD~1:old.txt')).toBe('old')
    expect(await git.run('-C', 'work', 'show', 'HEAD:old.txt')).toBe('new')
  })

  it('clones a repository without refs, and one without main', async () => {
    const git = await newGitClient(hub)
    const repo = await hub.createRepo('bare')
    const head = await commitFile(repo, 'a', 'a')
    const move = (name: string, before?: string, after?: string) =>
      hub.parts.database.transaction(tx =>
        moveRef(tx, repo.id, name, before, after ? { oid: after, commitId: after } : undefined, 1),
      )
    await move('refs/heads/main', head)
    await git.run('clone', '-q', hub.urlOf(repo, 'nobody'), 'empty')
    expect(await git.run('-C', 'empty', 'symbolic-ref', 'HEAD')).toBe('refs/heads/main')
    await move('refs/heads/other', undefined, head)
    await git.run('clone', '-q', '-b', 'other', hub.urlOf(repo, 'nobody'), 'other')
    expect(await git.run('-C', 'other', 'rev-parse', 'HEAD')).toBe(head)
  })

  it('gives a commit by its id after its branch has gone', async () => {
    const git = await newGitClient(hub)
    const repo = await hub.createRepo('by-id')
    const first = await commitFile(repo, 'a', 'a')
    const second = await commitFile(repo, 'b', 'b')
    await hub.parts.database.transaction(tx =>
      moveRef(tx, repo.id, 'refs/heads/main', second, { oid: first, commitId: first }, 1),
    )
    await git.run('init', '-q', 'work')
    for (const version of ['0', '2']) {
      const url = hub.urlOf(repo, 'nobody')
      await git.run('-C', 'work', '-c', `protocol.version=${version}`, 'fetch', '-q', url, second)
      expect(await git.run('-C', 'work', 'rev-parse', 'FETCH_HEAD')).toBe(second)
    }
  })

  it('tells the client what git complains of', async () => {
    const repo = await hub.createRepo('complaint')
    const absent = '1'.repeat(40)
    const answer = await fetch(`${hub.urlOf(repo, 'nobody')}/git-upload-pack`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-git-upload-pack-request' },
      body: `0032want ${absent}\n00000009done\n`,
    })
    expect(answer.status).toBe(200)
    expect(await answer.text()).toContain('not our ref')
  })

  it('ends git when the client goes away', async () => {
    const git = await newGitClient(hub)
    const repo = await hub.createRepo('gone')
    await git.run('clone', '-q', hub.urlOf(repo), 'work')
    const head = await git.commit('work', {
      'a.bin': randomBytes(8 * 1024 * 1024),
      'b.bin': randomBytes(8 * 1024 * 1024),
    })
    await git.run('-C', 'work', 'push', '-q', 'origin', 'main')
    const gone = new AbortController()
    const answer = await fetch(`${hub.urlOf(repo, 'nobody')}/git-upload-pack`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-git-upload-pack-request' },
      body: `0032want ${head}\n00000009done\n`,
      signal: gone.signal,
    })
    await answer.body?.getReader().read()
    const [first] = await packsOf(hub.parts.database.sql, repo.id)
    const packId = first?.packId ?? ''
    await hub.parts.database.transaction(tx => retirePacks(tx, repo.id, [packId], 1))
    // A pack that has gone from SQL stays in the mirror exactly as long as git runs there.
    const isThere = async () => {
      const mirror = await hub.parts.mirror.open(repo)
      mirror.release()
      return (await readdir(join(mirror.path, 'objects/pack'))).includes(`pack-${packId}.pack`)
    }
    expect(await isThere()).toBe(true)
    gone.abort()
    while (await isThere()) await new Promise(setImmediate)
  })

  it('refuses a body of another type', async () => {
    const repo = await hub.createRepo('type')
    const answer = await fetch(`${hub.urlOf(repo, 'nobody')}/git-upload-pack`, {
      method: 'POST',
      body: '0000',
    })
    expect(answer.status).toBe(400)
  })

  it('hides a private repository', async () => {
    const git = await newGitClient(hub)
    const repo = await hub.createRepo('private', { isPrivate: true })
    const answer = await fetch(`${hub.urlOf(repo, 'nobody')}/info/refs?service=git-upload-pack`)
    expect(answer.status).toBe(401)
    expect(answer.headers.get('www-authenticate')).toMatch(/^Basic /)
    expect((await git.attempt('clone', hub.urlOf(repo, 'bob'), 'work')).stderr).toContain('not found')
    await git.run('clone', '-q', hub.urlOf(repo), 'work')
  })

  it('builds the cache anew when it has been deleted, whole or in part', async () => {
    const git = await newGitClient(hub)
    const repo = await hub.createRepo('deleted')
    await commitFile(repo, 'a', 'a')
    const { folder } = hub.parts.mirror
    const mirror = join(folder, `${repo.id}.git`)
    await git.run('ls-remote', hub.urlOf(repo, 'nobody'))
    const [pack] = (await readdir(join(mirror, 'objects/pack'))).filter(name => name.endsWith('.pack'))
    const lost = [
      folder,
      join(mirror, 'HEAD'),
      join(mirror, 'packed-refs'),
      join(mirror, `objects/pack/${pack}`),
    ]
    for (const path of lost) {
      await rm(path, { recursive: true })
      await git.run('clone', '-q', hub.urlOf(repo, 'nobody'), `after-${lost.indexOf(path)}`)
    }
  })
})
