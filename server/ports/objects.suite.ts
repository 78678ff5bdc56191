import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MalformedInput } from '../kernel/errors.ts'
import { ObjectMissing, ObjectShort, type ObjectStore } from './objects.ts'

const mebibyte = 1024 * 1024

/** What every driver of the object store does alike. `open` gives a new, empty store. */
export function objectsSuite(name: string, open: () => Promise<ObjectStore>): void {
  describe(`${name} as an object store`, () => {
    const folder = mkdtempSync(join(tmpdir(), 'banyan-objects-suite-'))
    let store: ObjectStore

    beforeEach(async () => {
      store = await open()
    })

    afterEach(() => store.close())

    afterAll(() => rmSync(folder, { recursive: true }))

    describe('put', () => {
      it('stores bytes, and leaves a key that exists alone', async () => {
        expect(await store.put('a/b', Buffer.from('first'))).toBe('stored')
        expect(await text(store, 'a/b')).toBe('first')
        expect(await store.put('a/b', Buffer.from('other'))).toBe('existed')
        expect(await store.put('a/b', pieces('an', 'other'))).toBe('existed')
        expect(await text(store, 'a/b')).toBe('first')
        expect(await store.size('a/b')).toBe(5)
      })

      it('counts a key that is put again as modified now', async () => {
        await store.put('again', Buffer.from('x'))
        const modifiedAt = async () => {
          for await (const object of store.list('')) if (object.key === 'again') return object.modifiedAt
          return Number.NaN
        }
        const first = await modifiedAt()
        await sleep(1100)
        await store.put('again', Buffer.from('x'))
        expect(await modifiedAt()).toBeGreaterThan(first)
      })

      it('stores a stream, and nothing at all', async () => {
        expect(await store.put('s', pieces('one ', '', 'two ', '榕树'))).toBe('stored')
        expect(await text(store, 's')).toBe('one two 榕树')
        expect(await store.put('nothing', new Uint8Array())).toBe('stored')
        expect(await store.put('no-pieces', pieces())).toBe('stored')
        expect(await store.size('nothing')).toBe(0)
        expect(await store.size('no-pieces')).toBe(0)
        expect(await text(store, 'nothing')).toBe('')
      })

      it('leaves nothing when its source fails half-way, and works the next time', async () => {
        const error = new Error('the client went away')
        const broken = async function* () {
          yield patterned(3 * mebibyte)
          throw error
        }
        await expect(store.put('a/broken', broken())).rejects.toBe(error)
        expect(await store.size('a/broken')).toBeUndefined()
        expect(await keys(store, '')).toEqual([])
        expect(await store.put('a/broken', pieces('whole'))).toBe('stored')
        expect(await text(store, 'a/broken')).toBe('whole')
      })

      it('shows nothing of an object before it is whole', async () => {
        let letGo = () => {}
        const gate = new Promise<void>(resolve => {
          letGo = resolve
        })
        const seen: unknown[] = []
        const slow = async function* () {
          yield patterned(2 * mebibyte)
          seen.push(await store.size('a/slow'), await keys(store, 'a/'))
          seen.push(await store.read('a/slow', 0, 1).catch(thrown => thrown.constructor))
          await gate
          yield patterned(1)
        }
        const putting = store.put('a/slow', slow())
        expect(await store.put('a/other', pieces('passes by'))).toBe('stored')
        letGo()
        expect(await putting).toBe('stored')
        expect(seen[0]).toBeUndefined()
        expect(seen[1]).not.toContain('a/slow')
        expect(seen[2]).toBe(ObjectMissing)
        expect(await store.size('a/slow')).toBe(2 * mebibyte + 1)
      })

      it('of the same key many times at once stores it once', async () => {
        const bytes = patterned(200_000)
        const outcomes = await Promise.all(
          Array.from({ length: 12 }, (_, i) =>
            store.put('same/key', i % 2 ? bytes : pieces(bytes.subarray(0, 70_000), bytes.subarray(70_000))),
          ),
        )
        expect(outcomes.filter(outcome => outcome === 'stored').length).toBeGreaterThanOrEqual(1)
        expect(outcomes).toHaveLength(12)
        expect(Buffer.from(await store.read('same/key', 0, bytes.length)).equals(bytes)).toBe(true)
        expect(await keys(store, '')).toEqual(['same/key'])
      })
    })

    describe('stage', () => {
      it('stores what was appended under a key that is told at the end', async () => {
        const staged = await store.stage()
        const bytes = patterned(9 * mebibyte + 17)
        for (let at = 0; at < bytes.length; at += 70_001)
          await staged.append([bytes.subarray(at, at + 70_001)])
        expect(await keys(store, '')).toEqual([])
        expect(await staged.commit('late/key')).toBe('stored')
        expect(await store.size('late/key')).toBe(bytes.length)
        expect(Buffer.from(await store.read('late/key', 0, bytes.length)).equals(bytes)).toBe(true)
        await staged.discard()
        expect(await keys(store, '')).toEqual(['late/key'])
      })

      it('stores very many small pieces, and none', async () => {
        const staged = await store.stage()
        await staged.append(Array.from({ length: 3000 }, (_, i) => Buffer.from(`${i},`)))
        await staged.append([])
        await staged.commit('many')
        expect(await text(store, 'many')).toBe(Array.from({ length: 3000 }, (_, i) => `${i},`).join(''))
        expect(await (await store.stage()).commit('empty')).toBe('stored')
        expect(await store.size('empty')).toBe(0)
      })

      it('takes the place of an object that is damaged, or gone', async () => {
        await store.put('damaged', Buffer.from('damaged'))
        expect(await text(store, 'damaged')).toBe('damaged')
        for (const key of ['damaged', 'deep/gone']) {
          const staged = await store.stage()
          await staged.append([Buffer.from('whole again')])
          await staged.replace(key)
          await staged.discard()
          expect(await text(store, key)).toBe('whole again')
          expect(Buffer.from(await store.read(key, 0, 5)).toString()).toBe('whole')
        }
        expect((await keys(store, '')).sort()).toEqual(['damaged', 'deep/gone'])
      })

      it('leaves a key that exists alone, and nothing behind when it is given up', async () => {
        await store.put('taken', Buffer.from('first'))
        const second = await store.stage()
        await second.append([Buffer.from('second')])
        expect(await second.commit('taken')).toBe('existed')
        expect(await text(store, 'taken')).toBe('first')
        const dropped = await store.stage()
        await dropped.append([patterned(5 * mebibyte)])
        await dropped.discard()
        await expect(
          dropped.append([Buffer.from('x')]).then(() => dropped.commit('dropped')),
        ).rejects.toThrow()
        expect(await keys(store, '')).toEqual(['taken'])
      })
    })

    describe('reading', () => {
      const size = 2 * mebibyte + 1234
      const bytes = patterned(size)

      beforeEach(async () => {
        await store.put('big', bytes)
      })

      it('streams the whole in pieces of at most a MiB', async () => {
        const lengths: number[] = []
        const found: Uint8Array[] = []
        for await (const piece of store.stream('big')) {
          lengths.push(piece.length)
          found.push(piece)
        }
        expect(Buffer.concat(found).equals(bytes)).toBe(true)
        expect(Math.max(...lengths)).toBeLessThanOrEqual(mebibyte)
      })

      it.each([
        [0, 0],
        [0, 1],
        [5, 5],
        [size, size],
        [size - 1, size],
        [0, size],
        [mebibyte - 1, mebibyte + 1],
        [mebibyte, 2 * mebibyte],
        [1, size - 1],
      ])('gives bytes [%d, %d) by stream and by read', async (start, end) => {
        const wanted = bytes.subarray(start, end)
        expect((await collect(store.stream('big', { start, end }))).equals(wanted)).toBe(true)
        const read = await store.read('big', start, end)
        expect(read).toBeInstanceOf(Uint8Array)
        expect(Buffer.from(read).equals(wanted)).toBe(true)
      })

      it('gives any range', async () => {
        const range = fc
          .tuple(fc.nat(size), fc.nat(size))
          .map(([a, b]) => (a < b ? [a, b] : [b, a]) as [number, number])
        await fc.assert(
          fc.asyncProperty(range, async ([start, end]) => {
            const wanted = bytes.subarray(start, end)
            expect(wanted.equals(await store.read('big', start, end))).toBe(true)
            expect(wanted.equals(await collect(store.stream('big', { start, end })))).toBe(true)
          }),
          { numRuns: 25 },
        )
      })

      it('gives pieces that stay as they are when the next one comes', async () => {
        const kept: Uint8Array[] = []
        for await (const piece of store.stream('big')) kept.push(piece)
        for await (const _ of store.stream('big', { start: 1, end: size }));
        expect(Buffer.concat(kept).equals(bytes)).toBe(true)
      })

      it.each([
        [0, size + 1],
        [size, size + 1],
        [size + 5, size + 9],
      ])('refuses bytes [%d, %d), which the object does not have, before any piece', async (start, end) => {
        await expect(store.read('big', start, end)).rejects.toThrow(ObjectShort)
        await expect(firstOf(store.stream('big', { start, end }))).rejects.toThrow(ObjectShort)
      })

      it.each([
        [-1, 1],
        [2, 1],
        [0.5, 1],
        [0, Number.NaN],
      ])('refuses [%d, %d), which is no range', async (start, end) => {
        await expect(store.read('big', start, end)).rejects.toThrow(RangeError)
        await expect(firstOf(store.stream('big', { start, end }))).rejects.toThrow(RangeError)
      })

      it('says which object is missing', async () => {
        await store.put('a/b', pieces('x'))
        for (const key of ['nothing', 'no/such/folder', 'a', 'a/b/c']) {
          await expect(store.read(key, 0, 1), key).rejects.toThrow(ObjectMissing)
          await expect(firstOf(store.stream(key)), key).rejects.toThrow(ObjectMissing)
          await expect(firstOf(store.stream(key, { start: 0, end: 1 })), key).rejects.toThrow(
            `object ${key} is`,
          )
          expect(await store.size(key), key).toBeUndefined()
        }
      })

      it('finds an object that was missing a moment ago', async () => {
        await expect(store.read('later', 0, 1)).rejects.toThrow(ObjectMissing)
        await store.put('later', pieces('x'))
        expect(await store.read('later', 0, 1)).toHaveLength(1)
      })

      it('many at once gives each its own', async () => {
        const names = Array.from({ length: 100 }, (_, i) => `many/${i}`)
        await Promise.all(names.map(key => store.put(key, Buffer.from(key))))
        const found = await Promise.all(
          [...names, ...names].map(async key => Buffer.from(await store.read(key, 0, key.length)).toString()),
        )
        expect(found).toEqual([...names, ...names])
      })

      it('leaves no descriptor open when it is stopped early, or fails', async () => {
        // Where the system has no such folder, only the calls are tried.
        const descriptors = () => (existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd').length : 0)
        await firstOf(store.stream('big'))
        const before = descriptors()
        for (let i = 0; i < 40; i++) {
          await firstOf(store.stream('big'))
          await firstOf(store.stream('big', { start: 0, end: size + 1 })).catch(() => {})
          const broken = async () => {
            for await (const _ of store.stream('big')) throw new Error('the reader failed')
          }
          await broken().catch(() => {})
          // Never pulled, so never opened.
          store.stream('big')
        }
        expect(descriptors()).toBeLessThan(before + 10)
      })
    })

    describe('delete', () => {
      it('removes an object for every way of reading, and may be repeated', async () => {
        await store.put('a/gone', pieces('x'))
        await store.put('a/stays', pieces('y'))
        expect(await store.read('a/gone', 0, 1)).toHaveLength(1)
        await store.delete('a/gone')
        await store.delete('a/gone')
        await store.delete('never/was')
        await expect(store.read('a/gone', 0, 1)).rejects.toThrow(ObjectMissing)
        await expect(firstOf(store.stream('a/gone'))).rejects.toThrow(ObjectMissing)
        expect(await store.size('a/gone')).toBeUndefined()
        expect(await keys(store, '')).toEqual(['a/stays'])
        expect(await store.put('a/gone', pieces('back'))).toBe('stored')
        expect(await text(store, 'a/gone')).toBe('back')
      })
    })

    describe('list', () => {
      it('gives what is under a prefix, with sizes and times', async () => {
        const before = Date.now()
        const sizes = { 'a/1': 1, 'a/2': 2, 'a/b/3': 3, 'ab/4': 4, z: 5 }
        for (const [key, size] of Object.entries(sizes)) await store.put(key, patterned(size))
        expect(await keys(store, '')).toEqual(Object.keys(sizes))
        expect(await keys(store, 'a/')).toEqual(['a/1', 'a/2', 'a/b/3'])
        expect(await keys(store, 'a/b/')).toEqual(['a/b/3'])
        expect(await keys(store, 'none/')).toEqual([])
        expect(await keys(store, 'z/')).toEqual([])
        for await (const { key, size, modifiedAt } of store.list('')) {
          expect(size).toBe(sizes[key as keyof typeof sizes])
          // Object stores give whole seconds, and a clock of their own.
          expect(Math.abs(modifiedAt - before)).toBeLessThan(60_000)
          expect(Number.isInteger(modifiedAt)).toBe(true)
        }
      })

      it('gives more than a page of them', async () => {
        const names = Array.from({ length: 150 }, (_, i) => `page/${String(i).padStart(4, '0')}`)
        await Promise.all(names.map(key => store.put(key, pieces(key))))
        expect(await keys(store, 'page/')).toEqual(names)
        await firstOf(store.list('page/'))
      })
    })

    describe('copy', () => {
      it('gives an object a second key, and each lives without the other', async () => {
        await store.put('repos/a/packs/p', pieces('by', 'tes'))
        expect(await store.copy('repos/a/packs/p', 'repos/b/packs/p')).toBe('stored')
        expect(await text(store, 'repos/b/packs/p')).toBe('bytes')
        await store.delete('repos/a/packs/p')
        expect(await text(store, 'repos/b/packs/p')).toBe('bytes')
        expect(await store.size('repos/a/packs/p')).toBeUndefined()
      })

      it('leaves a key that exists alone, however many ask at once', async () => {
        await store.put('a/from', pieces('bytes'))
        const copies = await Promise.all(Array.from({ length: 8 }, () => store.copy('a/from', 'b/to')))
        expect(copies).toContain('stored')
        expect(await store.copy('a/from', 'b/to')).toBe('existed')
        expect(await text(store, 'b/to')).toBe('bytes')
      })

      it('counts as modified now, so that who collects old garbage lets it be', async () => {
        const modifiedAt = async (key: string) => {
          for await (const object of store.list('')) if (object.key === key) return object.modifiedAt
          return Number.NaN
        }
        await store.put('a/from', pieces('bytes'))
        const first = await modifiedAt('a/from')
        await sleep(1100)
        await store.copy('a/from', 'b/to')
        expect(await modifiedAt('b/to')).toBeGreaterThan(first)
      })

      it('says which object is missing, and leaves nothing', async () => {
        const missing = await store.copy('a/nothing', 'b/to').catch(error => error)
        expect(missing).toBeInstanceOf(ObjectMissing)
        expect(missing.key).toBe('a/nothing')
        expect(await store.size('b/to')).toBeUndefined()
        await expect(store.copy('../a', 'b')).rejects.toThrow(MalformedInput)
      })
    })

    describe('materialise', () => {
      it('makes a local file that outlives the object', async () => {
        const bytes = patterned(100_000)
        await store.put('a/pack', bytes)
        const path = join(folder, 'new', 'folders', 'pack')
        await store.materialise('a/pack', path)
        expect((await readFile(path)).equals(bytes)).toBe(true)
        await store.delete('a/pack')
        expect((await readFile(path)).equals(bytes)).toBe(true)
      })

      it('may be repeated, and asked for by many at once', async () => {
        await store.put('a/pack', pieces('bytes'))
        const path = join(folder, 'many', 'pack')
        await Promise.all(Array.from({ length: 8 }, () => store.materialise('a/pack', path)))
        await store.materialise('a/pack', path)
        expect(await readFile(path, 'utf8')).toBe('bytes')
        expect(readdirSync(join(folder, 'many'))).toEqual(['pack'])
      })

      it('says which object is missing', async () => {
        const path = join(folder, 'missing')
        await expect(store.materialise('nothing', path)).rejects.toThrow(ObjectMissing)
        await expect(store.materialise('nothing', join(folder, 'x', 'y'))).rejects.toThrow(ObjectMissing)
        expect(existsSync(path)).toBe(false)
      })
    })

    it.each([
      '',
      '/',
      'a/',
      '/a',
      'a//b',
      '.',
      '..',
      '../a',
      'a/../b',
      'a/..',
      '.tmp/a',
      'a/.b',
      'A',
      'a b',
      'a\\b',
      'a\0',
      'é',
    ])('refuses the key %j wherever it is given', async key => {
      await expect(store.put(key, pieces('x'))).rejects.toThrow(MalformedInput)
      await expect(store.read(key, 0, 1)).rejects.toThrow(MalformedInput)
      await expect(firstOf(store.stream(key))).rejects.toThrow(MalformedInput)
      await expect(store.size(key)).rejects.toThrow(MalformedInput)
      await expect(store.delete(key)).rejects.toThrow(MalformedInput)
      await expect(store.materialise(key, join(folder, 'bad'))).rejects.toThrow(MalformedInput)
    })

    it('refuses keys that are too long, and takes long ones', async () => {
      await expect(store.put('a'.repeat(300), pieces('x'))).rejects.toThrow(MalformedInput)
      await expect(store.put(`${'a/'.repeat(600)}a`, pieces('x'))).rejects.toThrow(MalformedInput)
      const long = `${'a'.repeat(200)}/${'b-._'.repeat(30)}`
      expect(await store.put(long, pieces('x'))).toBe('stored')
      expect(await keys(store, '')).toEqual([long])
    })

    it.each(['a', '../', '/', 'a//', '.tmp/'])('refuses the prefix %j', async prefix => {
      await expect(keys(store, prefix)).rejects.toThrow(MalformedInput)
    })

    it('answers pings', async () => {
      await store.ping()
    })
  })
}

/** Bytes that differ wherever they are cut wrongly. */
function patterned(length: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8) * 17 + (i >> 16)) & 255))
}

async function* pieces(...parts: (string | Uint8Array)[]): AsyncIterable<Uint8Array> {
  for (const part of parts) yield typeof part === 'string' ? Buffer.from(part) : part
}

async function collect(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await all(stream))
}

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const one of stream) found.push(one)
  return found
}

async function text(store: ObjectStore, key: string): Promise<string> {
  return (await collect(store.stream(key))).toString()
}

async function firstOf<T>(stream: AsyncIterable<T>): Promise<T | undefined> {
  for await (const piece of stream) return piece
  return undefined
}

async function keys(store: ObjectStore, prefix: string): Promise<string[]> {
  return (await all(store.list(prefix))).map(({ key }) => key).sort()
}
