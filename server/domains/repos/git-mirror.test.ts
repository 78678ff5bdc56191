import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { newGitClient } from '../../../test/git-client.ts'
import { type InProcessHub, startInProcessHub } from '../../../test/in-process-hub.ts'
import { PackBuilder } from '../../formats/pack-builder.ts'
import type { Repository } from '../../kernel/repository.ts'
import { ObjectMissing, type ObjectStore } from '../../ports/objects.ts'
import { GitMirror } from './git-mirror.ts'
import { addObject, storePack } from './packs.ts'
import { packsOf } from './store.ts'
import { retirePacks } from './store-packs.ts'

let hub: InProcessHub
let repo: Repository
let serial = 0
beforeAll(async () => {
  hub = await startInProcessHub()
})
afterAll(() => hub.close())
beforeEach(async () => {
  repo = await hub.createRepo(`repo-${serial++}`)
})

const sql = () => hub.parts.database.sql

async function addPack(text: string): Promise<string> {
  const builder = new PackBuilder()
  await addObject(builder, 'blob', Buffer.from(text))
  const record = await storePack(hub.parts, repo.id, builder)
  await hub.parts.database.transaction(tx => record(tx, 1))
  return (await builder.finish()).packId
}

const removePack = (packId: string) =>
  hub.parts.database.transaction(tx => retirePacks(tx, repo.id, [packId], 1))

async function packsIn(path: string): Promise<string[]> {
  const names = await readdir(join(path, 'objects', 'pack'))
  return names.filter(name => name.endsWith('.idx')).map(name => name.slice('pack-'.length, -'.idx'.length))
}

describe('GitMirror', () => {
  it('has the packs and refs of SQL', async () => {
    await addPack('more')
    const mirror = await hub.parts.mirror.open(repo)
    const rows = await packsOf(sql(), repo.id)
    expect((await packsIn(mirror.path)).sort()).toEqual(rows.map(pack => pack.packId).sort())
    const git = await newGitClient(hub)
    expect(await git.run('--git-dir', mirror.path, 'for-each-ref', '--format=%(objectname) %(refname)')).toBe(
      mirror.refs.map(ref => `${ref.oid} ${ref.name}`).join('\n'),
    )
    mirror.release()
  })

  it('writes nothing when nothing has changed', async () => {
    const { path, release } = await hub.parts.mirror.open(repo)
    release()
    const names = ['packed-refs', 'config', 'HEAD']
    const inodes = () => Promise.all(names.map(async name => (await stat(join(path, name))).ino))
    const before = await inodes()
    const again = await hub.parts.mirror.open(repo)
    again.release()
    expect(await inodes()).toEqual(before)
    expect((await readdir(path)).sort()).toEqual(['HEAD', 'config', 'objects', 'packed-refs', 'refs'])
  })

  it('keeps a merged pack while somebody may read it, and no longer', async () => {
    const packId = await addPack('merged')
    const reader = await hub.parts.mirror.open(repo)
    await removePack(packId)
    const other = await hub.parts.mirror.open(repo)
    expect(await packsIn(reader.path)).toContain(packId)
    other.release()
    reader.release()
    const last = await hub.parts.mirror.open(repo)
    expect(await packsIn(reader.path)).not.toContain(packId)
    last.release()
  })

  it('reads the list again when a pack has been merged and collected meanwhile', async () => {
    const packId = await addPack('collected')
    const objects = new Proxy(hub.parts.objects, {
      get(target, name) {
        if (name !== 'materialise') return Reflect.get(target, name).bind(target)
        const materialise: ObjectStore['materialise'] = async (key, path) => {
          if (!key.includes(packId)) return await target.materialise(key, path)
          await removePack(packId)
          throw new ObjectMissing(key)
        }
        return materialise
      },
    })
    const mirrors = new GitMirror({ ...hub.parts, objects, folder: join(hub.folder, 'other-cache') })
    const mirror = await mirrors.open(repo)
    expect(await packsIn(mirror.path)).toHaveLength(1)
    mirror.release()
  })

  it('fails when the store has lost a pack', async () => {
    const packId = await addPack('lost')
    await hub.parts.objects.delete(`repos/${repo.id}/packs/${packId}.pack`)
    await expect(hub.parts.mirror.open(repo)).rejects.toThrow(ObjectMissing)
  })

  it('can be opened many times at once', async () => {
    const mirrors = await Promise.all(Array.from({ length: 20 }, () => hub.parts.mirror.open(repo)))
    expect(new Set(mirrors.map(mirror => mirror.path)).size).toBe(1)
    for (const mirror of mirrors) mirror.release()
  })

  it('forgets', async () => {
    const { path, release } = await hub.parts.mirror.open(repo)
    release()
    await hub.parts.mirror.forget(repo.id)
    await hub.parts.mirror.forget(repo.id)
    await expect(stat(path)).rejects.toThrow('ENOENT')
    expect(await readdir(join(hub.parts.mirror.folder, 'scratch'))).toEqual([])
  })

  describe('with a limit', () => {
    const ownFiles = ['packed-refs', 'config', 'HEAD']
    const sizeOf = async (path: string) => {
      const sizes = await Promise.all(ownFiles.map(async name => (await stat(join(path, name))).size))
      return sizes.reduce((sum, size) => sum + size)
    }
    /** Mirrors in a folder of their own, of which a little over two fit; and three repositories. */
    const stage = async (name: string) => {
      const folder = join(hub.folder, name)
      const repos = [repo, await hub.createRepo(`${name}-b`), await hub.createRepo(`${name}-c`)] as const
      const probe = await new GitMirror({ ...hub.parts, folder: `${folder}-probe` }).open(repo)
      const limit = Math.floor(2.5 * (await sizeOf(probe.path)))
      const open = () => new GitMirror({ ...hub.parts, folder, limit })
      const present = async () => {
        const there = new Set(await readdir(folder))
        return repos.map(({ id }) => there.has(`${id}.git`))
      }
      return { repos, open, present }
    }
    const use = async (mirrors: GitMirror, one: Repository) => (await mirrors.open(one)).release()

    it('lets the mirrors go that nobody has opened for longest', async () => {
      const { repos, open, present } = await stage('limited')
      const mirrors = open()
      for (const at of [0, 1, 0, 2] as const) await use(mirrors, repos[at])
      await vi.waitFor(async () => expect(await present()).toEqual([true, false, true]))
      await use(mirrors, repos[1])
      await vi.waitFor(async () => expect(await present()).toEqual([false, true, true]))
      const again = await mirrors.open(repos[0])
      expect(await packsIn(again.path)).toHaveLength(1)
    })

    it('lets none go that is open, however much they take', async () => {
      const { repos, open, present } = await stage('open')
      const mirrors = open()
      const [first, second] = [await mirrors.open(repos[0]), await mirrors.open(repos[1])]
      await use(mirrors, repos[2])
      await vi.waitFor(async () => expect(await present()).toEqual([true, true, false]))
      await use(mirrors, repos[2])
      first.release()
      await vi.waitFor(async () => expect((await present()).filter(Boolean)).toHaveLength(2))
      expect((await present())[1]).toBe(true)
      second.release()
    })

    it('knows of mirrors from before, and leaves one that another process has just opened', async () => {
      const { repos, open, present } = await stage('restarted')
      const before = open()
      await use(before, repos[0])
      await use(before, repos[1])
      await vi.waitFor(async () => expect(await present()).toEqual([true, true, false]))
      const hourAgo = Date.now() / 1000 - 3700
      const path = join(hub.folder, 'restarted', `${repos[1].id}.git`)
      await utimes(path, hourAgo, hourAgo)
      await use(open(), repos[2])
      await vi.waitFor(async () => expect(await present()).toEqual([true, false, true]))
    })

    it('counts no bytes that the store has as well', async () => {
      const { repos, open, present } = await stage('linked')
      const mirrors = open()
      // Far over the limit, if it were not a hard link.
      await addPack('x'.repeat(10) + randomBytes(100_000).toString('hex'))
      await use(mirrors, repos[0])
      await use(mirrors, repos[1])
      await use(mirrors, repos[0])
      expect(await present()).toEqual([true, true, false])
    })
  })

  it('removes what a crash has left in scratch, but not what is under way', async () => {
    const folder = join(hub.folder, 'third-cache')
    const [old, young] = ['work-old', 'work-young'].map(name => join(folder, 'scratch', name))
    await mkdir(join(old as string, 'pack'), { recursive: true })
    await mkdir(young as string)
    const yesterday = Date.now() / 1000 - 25 * 3600
    await utimes(old as string, yesterday, yesterday)
    const scratch = await new GitMirror({ ...hub.parts, folder }).scratch()
    expect((await readdir(join(folder, 'scratch'))).sort()).toEqual(
      [scratch.path.slice(join(folder, 'scratch').length + 1), 'work-young'].sort(),
    )
    await scratch.remove()
  })

  it('tells git the commit behind an annotated tag', async () => {
    const git = await newGitClient(hub)
    await git.run('clone', '-q', hub.urlOf(repo), 'work')
    await git.run('-C', 'work', 'tag', '-am', 'first', 'v1')
    await git.run('-C', 'work', 'push', '-q', 'origin', 'v1')
    const mirror = await hub.parts.mirror.open(repo)
    mirror.release()
    const head = await git.run('-C', 'work', 'rev-parse', 'HEAD')
    const tag = await git.run('-C', 'work', 'rev-parse', 'v1')
    expect(await readFile(join(mirror.path, 'packed-refs'), 'utf8')).toBe(
      `# pack-refs with: peeled fully-peeled sorted \n${head} refs/heads/main\n${tag} refs/tags/v1\n^${head}\n`,
    )
  })
})
