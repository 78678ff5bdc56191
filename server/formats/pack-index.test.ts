import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { runs } from '../../test/fuzz-runs.ts'
import { MalformedInput } from '../kernel/errors.ts'
import { encodePackIndex, type IndexedEntry, PackIndex } from './pack-index.ts'

const packId = 'ab'.repeat(20)
const oid = fc.uint8Array({ minLength: 20, maxLength: 20 }).map(bytes => Buffer.from(bytes).toString('hex'))
/** Few first bytes, so that slots of the fan-out fill up. */
const nearOid = fc
  .tuple(fc.constantFrom('00', '01', '7f', 'ff'), oid)
  .map(([first, rest]) => first + rest.slice(2))
const entry = fc.record({
  oid: fc.oneof(oid, nearOid),
  crc32: fc.nat({ max: 0xffff_ffff }),
  offset: fc.oneof(
    fc.integer({ min: 12, max: 300 }),
    fc.integer({ min: 0x7fff_fff0, max: 0x8000_0010 }),
    fc.integer({ min: 12, max: 2 ** 52 }),
  ),
})
const entries = fc
  .uniqueArray(entry, { maxLength: 12, selector: ({ oid }) => oid })
  .filter(list => new Set(list.map(({ offset }) => offset)).size === list.length)
const packSize = 2 ** 52 + 1000
const cases = runs(10_000)

const three: IndexedEntry[] = [
  { oid: `00${'11'.repeat(19)}`, crc32: 1, offset: 300 },
  { oid: `ab${'00'.repeat(19)}`, crc32: 2, offset: 12 },
  { oid: `ab${'cd'.repeat(19)}`, crc32: 3, offset: 0x1_0000_0000 },
]

/** Everything the class can be asked, as a reader would. */
function useAll(bytes: Uint8Array): void {
  const index = new PackIndex(bytes)
  for (const { oid, offset } of index.entries()) {
    index.find(oid)
    index.endOf(offset, packSize)
  }
  for (const { oid } of three) index.find(oid)
  for (const oid of index.startingWith('a')) expect(oid).toMatch(/^a/)
}

function patched(bytes: Uint8Array, change: (view: Buffer) => void): Uint8Array {
  const copy = Buffer.from(bytes)
  change(copy)
  return copy
}

describe('pack index', () => {
  it('finds every object and nothing else', () => {
    fc.assert(
      fc.property(entries, oid, (list, absent) => {
        const index = new PackIndex(encodePackIndex(list, packId), { verifyChecksum: true })
        expect(index.count).toBe(list.length)
        expect(index.packId).toBe(packId)
        for (const { oid, offset } of list) expect(index.find(oid)).toBe(offset)
        expect(index.find(absent)).toBe(list.find(({ oid }) => oid === absent)?.offset)
      }),
      cases,
    )
  })

  it('lists objects in the order they lie, each ending where the next starts', () => {
    fc.assert(
      fc.property(entries, list => {
        const index = new PackIndex(encodePackIndex(list, packId))
        const lying = list.map(({ oid, offset }) => ({ oid, offset })).sort((a, b) => a.offset - b.offset)
        expect([...index.entries()]).toEqual(lying)
        lying.forEach(({ offset }, i) => {
          expect(index.endOf(offset, packSize)).toBe(lying[i + 1]?.offset ?? packSize - 20)
        })
      }),
      cases,
    )
  })

  it('finds ids by how they start', () => {
    const prefix = fc.string({ unit: fc.constantFrom('0', '1', '7', 'f', 'a'), minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(entries, prefix, (list, start) => {
        const expected = list.map(({ oid }) => oid).filter(oid => oid.startsWith(start))
        const index = new PackIndex(encodePackIndex(list, packId))
        expect([...index.startingWith(start)]).toEqual(expected.sort())
        for (const oid of expected) expect([...index.startingWith(oid)]).toEqual([oid])
      }),
      cases,
    )
  })

  it('has a place for nothing', () => {
    const index = new PackIndex(encodePackIndex([], packId))
    expect(index.count).toBe(0)
    expect([...index.entries()]).toEqual([])
    expect(index.find(packId)).toBeUndefined()
    expect(() => index.endOf(12, 32)).toThrow(MalformedInput)
  })

  it('reads bytes where they lie', () => {
    const bytes = encodePackIndex(three, packId)
    const room = new Uint8Array(bytes.length + 13)
    room.set(bytes, 7)
    expect(new PackIndex(room.subarray(7, 7 + bytes.length)).find(three[1]!.oid)).toBe(12)
  })

  it('refuses questions that are none', () => {
    const index = new PackIndex(encodePackIndex(three, packId))
    for (const wrong of ['', 'main', packId.toUpperCase()]) {
      expect(() => index.find(wrong)).toThrow(MalformedInput)
      expect(() => [...index.startingWith(wrong)]).toThrow(MalformedInput)
    }
    expect(() => index.endOf(13, packSize)).toThrow(/no entry starts at byte 13/)
    expect(() => index.endOf(12, 200)).toThrow(/does not fit/)
    const last = 0x1_0000_0000
    expect(index.endOf(last, last + 21)).toBe(last + 1)
    expect(() => index.endOf(last, last + 20)).toThrow(/does not fit/)
  })

  const good = encodePackIndex(three, packId)
  const crcsAt = 8 + 1024 + 60
  it.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array()],
    ['version 1', patched(good, view => view.writeUInt32BE(1, 4))],
    ['a fan-out that goes down', patched(good, view => view.writeUInt32BE(9, 8 + 40))],
    ['more objects than bytes', patched(good, view => view.writeUInt32BE(0xffff_ffff, 8 + 1020))],
    ['fewer objects than bytes', patched(good, view => view.fill(0, 8, 8 + 1024))],
    ['half a large offset', Buffer.concat([good, good.subarray(0, 4)])],
    ['an offset inside the header', patched(good, view => view.writeUInt32BE(11, crcsAt + 12))],
    ['two objects in one place', patched(good, view => view.writeUInt32BE(300, crcsAt + 16))],
    ['a large offset that is not there', patched(good, view => view.writeUInt32BE(0x8000_0001, crcsAt + 20))],
    ['an offset beyond 2^53', patched(good, view => view.writeUInt32BE(0xffff_ffff, crcsAt + 24))],
  ])('refuses %s', (_, bytes) => {
    expect(() => useAll(bytes)).toThrow(MalformedInput)
  })

  it('refuses to list two objects in one place', () => {
    const twice = encodePackIndex([three[0]!, { ...three[1]!, offset: 300 }], packId)
    expect(() => [...new PackIndex(twice).entries()]).toThrow(/two objects start at byte 300/)
  })

  it('gives nothing but MalformedInput when damaged, and always that when the checksum is asked for', () => {
    const sha1 = (bytes: Uint8Array) => createHash('sha1').update(bytes).digest()
    fc.assert(
      fc.property(fc.nat({ max: good.length - 1 }), fc.nat({ max: 8 }), fc.boolean(), (at, how, isSealed) => {
        const bytes =
          how === 8
            ? good.subarray(0, at)
            : patched(good, view => view.writeUInt8(view[at]! ^ (1 << how), at))
        expect(() => new PackIndex(bytes, { verifyChecksum: true })).toThrow(MalformedInput)
        if (isSealed && bytes.length > 20) {
          const body = bytes.subarray(0, bytes.length - 20)
          useQuietly(Buffer.concat([body, sha1(body)]))
        }
        useQuietly(bytes)
      }),
      runs(10_000),
    )
  })
})

function useQuietly(bytes: Uint8Array): void {
  try {
    useAll(bytes)
  } catch (error) {
    expect(error).toBeInstanceOf(MalformedInput)
  }
}
