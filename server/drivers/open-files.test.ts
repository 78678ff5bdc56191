import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { OpenFiles } from './open-files.ts'

const folder = mkdtempSync(join(tmpdir(), 'banyan-open-files-'))
const path = (name: string) => join(folder, name)

afterAll(() => rmSync(folder, { recursive: true }))

describe('OpenFiles', () => {
  let files: OpenFiles

  beforeEach(() => {
    for (const name of ['a', 'b', 'c']) writeFileSync(path(name), name)
    files = new OpenFiles(2, 200)
  })

  afterEach(() => files.close())

  const read = async (handle: FileHandle) => (await handle.read(Buffer.alloc(9), 0, 9, 0)).bytesRead
  /** Closed handles have the descriptor -1. */
  const isClosed = (handle: FileHandle) => vi.waitFor(() => expect(handle.fd).toBe(-1))
  const handleOf = (name: string) => files.use(path(name), async handle => handle)

  it('keeps one handle for many users', async () => {
    const handles = await Promise.all(Array.from({ length: 10 }, () => handleOf('a')))
    expect(new Set(handles).size).toBe(1)
    expect(await handleOf('a')).toBe(handles[0])
  })

  it.each([
    ['is forgotten', () => files.forget(path('a'))],
    ['gives way to others', () => Promise.all([handleOf('b'), handleOf('c')])],
    ['is closed with all', () => files.close()],
  ])('closes a file that %s, but not before its users are done', async (_, retire) => {
    let used: FileHandle | undefined
    await files.use(path('a'), async handle => {
      used = handle
      await retire()
      await sleep(20)
      expect(await read(handle)).toBe(1)
    })
    await isClosed(used!)
  })

  it('closes a file that nobody uses any more', async () => {
    const handle = await handleOf('a')
    expect(handle.fd).toBeGreaterThan(0)
    await isClosed(handle)
  })

  it('passes errors on, and lets go all the same', async () => {
    await expect(files.use(path('none'), read)).rejects.toThrow('ENOENT')
    writeFileSync(path('none'), 'now')
    expect(await files.use(path('none'), read)).toBe(3)
    const failing = files.use(path('a'), async () => {
      throw new Error('of the work')
    })
    await expect(failing).rejects.toThrow('of the work')
    const handle = await handleOf('a')
    files.forget(path('a'))
    await isClosed(handle)
  })
})
