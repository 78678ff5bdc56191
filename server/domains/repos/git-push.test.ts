import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ada } from '../../../test/in-process-hub.ts'
import { emptyPack, PushStage } from '../../../test/push-stage.ts'
import { makeCommit } from './make-commit.ts'
import { allRefs } from './store.ts'

const stage = new PushStage()

describe('git push over smart HTTP', () => {
  it('moves main, tells of it, and the API reads it', async () => {
    const before = (await stage.refs())['refs/heads/main']
    const head = await stage.git.commit('work', { 'folder/a.txt': 'one' })
    await stage.push('origin', 'main')
    expect((await stage.refs())['refs/heads/main']).toBe(head)
    expect(stage.hub.events).toEqual([
      { name: 'ref-moved', facts: { repoId: stage.repo.id, ref: 'refs/heads/main', before, after: head } },
    ])
    const commit = await stage.hub.parts.git.commit(stage.repo.id, head)
    const root = await stage.hub.parts.git.tree(stage.repo.id, commit.tree)
    const folder = await stage.hub.parts.git.tree(stage.repo.id, root.find('folder')?.oid ?? '')
    const blob = await stage.hub.parts.git.read(stage.repo.id, folder.find('a.txt')?.oid ?? '')
    expect(Buffer.from(blob.content).toString()).toBe('one')
    expect(await readdir(join(stage.hub.parts.mirror.folder, 'scratch'))).toEqual([])
  })

  it('goes to and fro with commits by the API', async () => {
    await stage.git.commit('work', { 'a.txt': 'one' })
    await stage.push('origin', 'main')
    const body = apiCommit('b.txt', 'two')
    const made = await makeCommit(stage.hub.parts, ada, stage.repo, { revision: 'main' }, body)
    const head = made.commitId
    await stage.git.run('-C', 'work', 'pull', '-q', '--ff-only')
    expect(await stage.git.run('-C', 'work', 'rev-parse', 'HEAD')).toBe(head)
    const next = await stage.git.commit('work', { 'b.txt': 'three' })
    await stage.push('origin', 'main')
    expect((await stage.refs())['refs/heads/main']).toBe(next)
    await stage.git.run('clone', '-q', stage.hub.urlOf(stage.repo, 'nobody'), 'fresh')
    expect(await stage.git.run('-C', 'fresh', 'fsck', '--strict', '--full')).toBe('')
  })

  it('creates a branch with new objects, and one without', async () => {
    const head = await stage.git.commit('work', { 'a.txt': 'one' })
    await stage.push('origin', 'HEAD:refs/heads/with/new')
    const packs = await stage.packIds()
    await stage.push('origin', 'HEAD:refs/heads/without')
    expect(await stage.refs()).toMatchObject({ 'refs/heads/with/new': head, 'refs/heads/without': head })
    expect(await stage.packIds()).toEqual(packs)
  })

  it('takes light tags and annotated ones, and knows the commit behind', async () => {
    const head = await stage.git.commit('work', { 'a.txt': 'one' })
    await stage.git.run('-C', 'work', 'tag', 'light')
    await stage.git.run('-C', 'work', 'tag', '-am', 'first', 'v1')
    await stage.git.run('-C', 'work', 'tag', '-am', 'of a tag', 'v2', 'v1')
    await stage.push('origin', 'main', '--tags')
    const tags = (await allRefs(stage.hub.parts.database.sql, stage.repo.id)).filter(ref =>
      ref.name.startsWith('refs/tags/'),
    )
    expect(tags.map(ref => ref.commitId)).toEqual([head, head, head])
    expect(tags.map(ref => ref.oid)).toEqual([
      head,
      await stage.git.run('-C', 'work', 'rev-parse', 'v1'),
      await stage.git.run('-C', 'work', 'rev-parse', 'v2'),
    ])
    const listed = await stage.git.run('ls-remote', '--tags', stage.hub.urlOf(stage.repo, 'nobody'))
    expect(listed).toContain(`${head}\trefs/tags/v1^{}`)
    expect(listed).toContain(`${head}\trefs/tags/v2^{}`)
  })

  it('takes only tags of commits', async () => {
    await stage.git.run('-C', 'work', 'tag', '-am', 'a tree', 'tree', 'HEAD^{tree}')
    await stage.git.run('-C', 'work', 'tag', 'blob', 'HEAD:.gitattributes')
    await stage.expectNothingChanged(async () => {
      const said = await stage.refusedPush('origin', 'tree', 'blob', 'tree^{}:refs/heads/tree')
      expect(said.match(/a tag must be of a commit/g)).toHaveLength(2)
      expect(said).toContain('a branch must be at a commit, not at a tree')
    })
  })

  it('refuses what is not a fast forward until it is forced', async () => {
    await stage.git.commit('work', { 'a.txt': 'one' })
    await stage.push('origin', 'main')
    await stage.git.run('-C', 'work', 'reset', '-q', '--hard', 'HEAD~1')
    const other = await stage.git.commit('work', { 'a.txt': 'other' })
    expect(await stage.refusedPush('origin', 'main')).toContain('non-fast-forward')
    await stage.push('--force', 'origin', 'main')
    expect((await stage.refs())['refs/heads/main']).toBe(other)
  })

  it('deletes a branch and a tag, but not main', async () => {
    await stage.push('origin', 'HEAD:refs/heads/gone', 'HEAD:refs/tags/gone')
    stage.hub.events.length = 0
    await stage.push('origin', '--delete', 'refs/heads/gone', 'refs/tags/gone')
    expect(Object.keys(await stage.refs())).toEqual(['refs/heads/main'])
    expect(stage.hub.events.map(({ facts }) => facts)).toEqual([
      { repoId: stage.repo.id, ref: 'refs/heads/gone', before: expect.any(String) },
      { repoId: stage.repo.id, ref: 'refs/tags/gone', before: expect.any(String) },
    ])
    stage.hub.events.length = 0
    await stage.expectNothingChanged(async () => {
      expect(await stage.refusedPush('origin', '--delete', 'main')).toContain('Cannot delete refs/heads/main')
    })
  })

  it('writes branches and tags only, and pull requests that there are', async () => {
    await stage.expectNothingChanged(async () => {
      const said = await stage.refusedPush(
        'origin',
        'HEAD:refs/changes/1',
        'HEAD:refs/pr/1',
        'HEAD:refs/heads/HEAD',
      )
      expect(said).toContain('only refs/heads/*, refs/tags/* and refs/pr/<number> can be pushed')
      expect(said).toContain('there is no pull request 1; open one')
      expect(said).toContain('already means the current commit')
    })
  })

  it('refuses a branch that would be a folder of another', async () => {
    await stage.push('origin', 'HEAD:refs/heads/a/b')
    const said = await stage.refusedPush('origin', 'HEAD:refs/heads/a', 'HEAD:refs/heads/fine')
    expect(said).toContain('cannot be beside refs/heads/a/b')
    expect(Object.keys(await stage.refs())).toEqual(['refs/heads/a/b', 'refs/heads/fine', 'refs/heads/main'])
    expect(await stage.refusedPush('origin', 'HEAD:refs/heads/a/b/c')).toContain(
      'cannot be beside refs/heads/a/b',
    )
  })

  it('moves each ref on its own, but all or none when atomic', async () => {
    await stage.git.commit('work', { 'a.txt': 'one' })
    await stage.expectNothingChanged(async () => {
      const said = await stage.refusedPush('--atomic', 'origin', 'main', 'HEAD:refs/pr/1')
      expect(said).toContain('the push is atomic')
    })
    expect(await stage.refusedPush('origin', 'main', 'HEAD:refs/pr/1')).toContain('no pull request')
    expect((await stage.refs())['refs/heads/main']).toBe(
      await stage.git.run('-C', 'work', 'rev-parse', 'HEAD'),
    )
  })

  it('lets one of two pushes to a branch win', async () => {
    const contenders = await Promise.all(
      ['x', 'y', 'z'].map(async name => {
        await stage.git.run('clone', '-q', stage.hub.urlOf(stage.repo), name)
        const head = await stage.git.commit(name, { 'a.txt': name })
        return { name, head }
      }),
    )
    const results = await Promise.all(
      contenders.map(async ({ name, head }) => ({
        head,
        ...(await stage.git.attempt('-C', name, 'push', 'origin', 'main')),
      })),
    )
    const won = results.filter(result => result.code === 0)
    expect(won).toHaveLength(1)
    expect((await stage.refs())['refs/heads/main']).toBe(won[0]?.head)
    for (const { stderr } of results.filter(result => result.code !== 0))
      expect(stderr).toMatch(/fetch first/)
    expect(stage.hub.events).toHaveLength(1)
  })

  it('takes a commit from a shallow clone', async () => {
    await stage.git.commit('work', { 'a.txt': 'one' })
    await stage.push('origin', 'main')
    await stage.git.run('clone', '-q', '--depth', '1', stage.hub.urlOf(stage.repo), 'shallow')
    const head = await stage.git.commit('shallow', { 'a.txt': 'two' })
    await stage.git.run('-C', 'shallow', 'push', '-q', 'origin', 'main')
    expect((await stage.refs())['refs/heads/main']).toBe(head)
  })

  it('asks for a password, and lets nobody push elsewhere', async () => {
    await stage.git.commit('work', { 'a.txt': 'one' })
    await stage.expectNothingChanged(async () => {
      const url = `${stage.hub.urlOf(stage.repo, 'nobody')}/info/refs?service=git-receive-pack`
      const answer = await fetch(url)
      expect(answer.status).toBe(401)
      expect(answer.headers.get('www-authenticate')).toMatch(/^Basic /)
      expect(await stage.refusedPush(stage.hub.urlOf(stage.repo, 'bob'), 'main')).toContain(
        'you may not write to ada/',
      )
    })
  })

  it('works without side-band, and answers a push of nothing', async () => {
    const answer = await stage.post(Buffer.from('0000'))
    expect(answer.status).toBe(200)
    expect(await answer.text()).toBe('')
    const head = (await stage.refs())['refs/heads/main'] as string
    expect(await stage.pushPack(head, emptyPack(), 'refs/heads/plain')).toBe(
      '000eunpack ok\n0018ok refs/heads/plain\n0000',
    )
  })
})

async function* apiCommit(path: string, content: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(`${JSON.stringify({ key: 'header', value: { summary: `add ${path}` } })}\n`)
  yield Buffer.from(`${JSON.stringify({ key: 'file', value: { path, content, encoding: 'utf-8' } })}\n`)
}
