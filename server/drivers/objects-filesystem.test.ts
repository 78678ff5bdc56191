import { mkdtempSync, rmSync } from 'node:fs'
import fs, { mkdir, open, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest'
import { StoreFull } from '../kernel/storage-faults.ts'
import { objectsSuite } from '../ports/objects.suite.ts'
import { openFilesystemObjects } from './objects-filesystem.ts'

const base = mkdtempSync(join(tmpdir(), 'banyan-objects-'))
let made = 0
const newRoot = () => join(base, String(made++), 'objects')

afterAll(() => rmSync(base, { recursive: true }))

objectsSuite('the file system', () => openFilesystemObjects(newRoot()))

describe('openFilesystemObjects', () => {
  afterEach(() => {
    vi.restoreAllMocks()
    syncBuiltinESMExports()
  })

  /** Files below `root` that this process has open, where the system tells. */
  const openBelow = async (root: string) => {
    const links = await readdir('/proc/self/fd').catch(() => [])
    const targets = await Promise.all(links.map(link => fs.readlink(`/proc/self/fd/${link}`).catch(() => '')))
    return targets.filter(target => target.startsWith(root))
  }

  const failure = (code: string) => Object.assign(new Error(code), { code })

  it('keeps folders to this user and objects unwritable', async () => {
    const root = newRoot()
    const store = await openFilesystemObjects(root)
    await store.put('a/b/c', Buffer.from('x'))
    expect((await stat(join(root, 'a/b/c'))).mode & 0o777).toBe(0o444)
    for (const folder of ['', 'a', 'a/b', '.tmp']) {
      expect((await stat(join(root, folder))).mode & 0o777).toBe(0o700)
    }
    await store.materialise('a/b/c', join(root, '../copy'))
    expect((await stat(join(root, '../copy'))).mode & 0o777).toBe(0o444)
    await store.close()
  })

  it('leaves no temporary file behind, however a put ends', async () => {
    const root = newRoot()
    const store = await openFilesystemObjects(root)
    await store.put('a', Buffer.from('x'))
    await store.put('a', Buffer.from('x'))
    const broken = async function* () {
      yield Buffer.from('half')
      throw new Error('broken')
    }
    await store.put('b', broken()).catch(() => {})
    await Promise.all(Array.from({ length: 8 }, () => store.put('c', Buffer.from('x'))))
    // A file is no folder.
    await store.put('f/x', Buffer.from('x'))
    await expect(store.put('f/x/under', Buffer.from('x'))).rejects.toThrow()
    await expect(store.put('f', Buffer.from('x'))).rejects.toThrow('folder of other objects')
    expect(await readdir(join(root, '.tmp'))).toEqual([])
    await store.close()
  })

  it.each(['writeFile', 'sync'] as const)(
    'says StoreFull when the disk is full at %s, and keeps nothing',
    async call => {
      const root = newRoot()
      const store = await openFilesystemObjects(root)
      const handle = await open(root)
      const proto = Object.getPrototypeOf(handle)
      await handle.close()
      for (const code of ['ENOSPC', 'EDQUOT']) {
        vi.spyOn(proto, call).mockRejectedValueOnce(failure(code))
        await expect(store.put('a', Buffer.from('x'))).rejects.toThrow(StoreFull)
        expect(await store.size('a')).toBeUndefined()
        expect(await readdir(join(root, '.tmp'))).toEqual([])
      }
      expect(await store.put('a', Buffer.from('x'))).toBe('stored')
      await store.close()
    },
  )

  it('removes what a crash has left, once it is a day old', async () => {
    const root = newRoot()
    await (await openFilesystemObjects(root)).close()
    const dayAndHourAgo = Date.now() / 1000 - 25 * 3600
    await writeFile(join(root, '.tmp/old'), 'x')
    await utimes(join(root, '.tmp/old'), dayAndHourAgo, dayAndHourAgo)
    await writeFile(join(root, '.tmp/new'), 'x')
    await (await openFilesystemObjects(root)).close()
    expect(await readdir(join(root, '.tmp'))).toEqual(['new'])
  })

  it('lists no file that it did not store', async () => {
    const root = newRoot()
    const store = await openFilesystemObjects(root)
    await store.put('a', Buffer.from('x'))
    await mkdir(join(root, 'lost+found'))
    await writeFile(join(root, '.hidden'), 'x')
    await writeFile(join(root, '.tmp/under-way'), 'x')
    const keys: string[] = []
    for await (const { key } of store.list('')) keys.push(key)
    expect(keys).toEqual(['a'])
    await store.close()
  })

  it('does without hard links', async () => {
    const root = newRoot()
    const store = await openFilesystemObjects(root)
    for (const code of ['EXDEV', 'EPERM', 'ENOTSUP']) {
      vi.spyOn(fs, 'link').mockRejectedValue(failure(code))
      syncBuiltinESMExports()
      const key = `a/${code.toLowerCase()}`
      expect(await store.put(key, Buffer.from('bytes'))).toBe('stored')
      const local = join(root, '../local', code)
      await mkdir(join(root, '../local'), { recursive: true })
      await store.materialise(key, local)
      await store.materialise(key, local)
      expect(await readFile(local, 'utf8')).toBe('bytes')
      expect((await stat(local)).nlink).toBe(1)
      expect((await readdir(join(root, '../local'))).filter(name => name.endsWith('.tmp'))).toEqual([])
      expect(await readdir(join(root, '.tmp'))).toEqual([])
    }
    await store.close()
  })

  it('gives back the space of a deleted object that was read', async () => {
    const root = newRoot()
    const store = await openFilesystemObjects(root)
    await store.put('a', Buffer.from('x'))
    await Promise.all(
      [store.read('a', 0, 1), store.read('a', 0, 1), store.delete('a')].map(one => one.catch(() => {})),
    )
    await vi.waitFor(async () => expect(await openBelow(root)).toEqual([]))
    await store.close()
  })

  it('closes the files it has kept open', async () => {
    const root = newRoot()
    const store = await openFilesystemObjects(root)
    // More than are kept open.
    for (let i = 0; i < 300; i++) {
      await store.put(`a/${i}`, Buffer.from('x'))
      await store.read(`a/${i}`, 0, 1)
    }
    await vi.waitFor(async () => expect((await openBelow(root)).length).toBeLessThanOrEqual(128))
    await store.close()
    await vi.waitFor(async () => expect(await openBelow(root)).toEqual([]))
  })
})
