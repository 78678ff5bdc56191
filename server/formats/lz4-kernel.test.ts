import fc from 'fast-check'
import { compressSync } from 'lz4-napi'
import { describe, expect, it } from 'vitest'
import { runs } from '../../test/fuzz-runs.ts'
import { MAX_CHUNK_BYTES } from './gearhash.ts'
import { decodeBlock, putStored, takeDecoded, takeJoined } from './lz4-kernel.ts'
import { bg4Split } from './testdata/bg4-split.ts'
import { splitmix64 } from './testdata/splitmix64.ts'

interface Sequence {
  readonly literals: Uint8Array
  readonly offset: number
  readonly match: number
}

/** `4 bits` of a length, and the bytes it goes on in. */
function lengthBytes(length: number): { nibble: number; more: number[] } {
  if (length < 15) return { nibble: length, more: [] }
  const rest = length - 15
  return { nibble: 15, more: [...new Array<number>(Math.floor(rest / 255)).fill(255), rest % 255] }
}

/** The block that says so: sequences, then the literals that end it. */
function writeBlock(sequences: readonly Sequence[], last: Uint8Array): Buffer {
  const parts = sequences.flatMap(({ literals, offset, match }) => {
    const before = lengthBytes(literals.length)
    const after = lengthBytes(match - 4)
    const token = (before.nibble << 4) | after.nibble
    return [[token, ...before.more], literals, [offset & 255, offset >> 8, ...after.more]]
  })
  const end = lengthBytes(last.length)
  return Buffer.concat([...parts, [end.nibble << 4, ...end.more], last].map(part => Uint8Array.from(part)))
}

/** The block format as its description reads, a byte at a time. 0, or how many bytes are in `out` then. */
function decodePlainly(block: Uint8Array, out: number[], first: number, limit: number): number {
  let at = 0
  const longer = (length: number): number => {
    if (length < 15) return length
    for (let sum = length; ; ) {
      const byte = block[at++]
      if (byte === undefined) return Number.NaN
      sum += byte
      if (byte !== 255) return sum
    }
  }
  for (;;) {
    const token = block[at++]
    if (token === undefined) return 0
    const literals = longer(token >> 4)
    if (Number.isNaN(literals) || at + literals > block.length) return 0
    if (out.length + literals > limit) return limit + 1
    for (let i = 0; i < literals; i++) out.push(block[at++]!)
    if (at === block.length) return out.length
    if (at + 2 > block.length) return 0
    const offset = block[at]! | (block[at + 1]! << 8)
    at += 2
    const match = longer(token & 15) + 4
    if (Number.isNaN(match) || offset === 0 || offset > out.length - first) return 0
    if (out.length + match > limit) return limit + 1
    for (let i = 0; i < match; i++) out.push(out[out.length - offset]!)
  }
}

const literals = fc.uint8Array({ maxLength: 300, size: 'max' })
const sequence = fc.record({
  literals: fc.oneof(fc.uint8Array({ maxLength: 20 }), literals),
  offset: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.nat(700)),
  match: fc.oneof(fc.integer({ min: 4, max: 40 }), fc.integer({ min: 4, max: 700 })),
})
const block = fc
  .tuple(fc.array(sequence, { maxLength: 6 }), fc.uint8Array({ maxLength: 40 }))
  .map(([sequences, last]) => writeBlock(sequences, last))

/** Decodes after `before` by both, and proves that nothing was written but what is to be. */
function compare(given: Uint8Array, before: Uint8Array, first: number, limit: number): void {
  const margin = 64
  putStored(new Uint8Array(limit + 4 * margin).fill(0xee), 0)
  putStored(before, 0)
  const expected = Array.from(before)
  const length = decodePlainly(given, expected, first, limit)
  expect(decodeBlock(given, before.length, first, limit)).toBe(length)
  const isGood = length > 0 && length <= limit
  const whole = isGood ? Uint8Array.from(expected) : before
  expect(Buffer.compare(takeDecoded(whole.length), whole)).toBe(0)
  const beyond = takeDecoded(limit + 4 * margin).subarray(limit + margin)
  expect(beyond.every(byte => byte === 0xee)).toBe(true)
}

describe('LZ4 block kernel', () => {
  it('decodes as a plain reading of the format does, whatever comes, and writes nowhere else', () => {
    fc.assert(
      fc.property(
        block,
        fc.uint8Array({ maxLength: 60 }),
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { maxLength: 2 }),
        fc.nat(3000),
        fc.nat(),
        (good, before, flips, room, cut) => {
          const given = Buffer.from(good)
          for (const [at, bits] of flips) given[at % given.length]! ^= bits
          const first = cut % 3 === 0 ? 0 : before.length
          const isCut = cut % 2 === 0
          compare(isCut ? given.subarray(0, cut % given.length) : given, before, first, before.length + room)
        },
      ),
      runs(10_000),
    )
  })

  it('refuses or decodes garbage as a plain reading does', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.uint8Array({ maxLength: 60 }), (given, before) => {
        compare(given, before, 0, before.length + 2000)
      }),
      runs(10_000),
    )
  })

  it.each(Array.from({ length: 40 }, (_, i) => i + 1))('repeats %i bytes', offset => {
    const pattern = splitmix64(offset, BigInt(offset))
    for (const match of [4, 15, 16, 17, 63, 1000]) {
      const given = writeBlock([{ literals: pattern, offset, match }], Uint8Array.of(1))
      compare(given, new Uint8Array(0), 0, offset + match + 1)
      compare(given, new Uint8Array(0), 0, offset + match)
    }
  })

  it('fills a whole chunk, with noise and with one byte, and no more', () => {
    for (const raw of [splitmix64(MAX_CHUNK_BYTES, 3n), new Uint8Array(MAX_CHUNK_BYTES).fill(7)]) {
      const given = compressSync(Buffer.from(raw)).subarray(4)
      expect(decodeBlock(given, 0, 0, MAX_CHUNK_BYTES)).toBe(MAX_CHUNK_BYTES)
      expect(Buffer.compare(takeDecoded(MAX_CHUNK_BYTES), raw)).toBe(0)
      expect(decodeBlock(given, 1, 0, MAX_CHUNK_BYTES)).toBe(MAX_CHUNK_BYTES + 1)
    }
    expect(decodeBlock(new Uint8Array(4 * MAX_CHUNK_BYTES).fill(0x10), 0, 0, 100)).toBe(101)
  })
})

describe('undoing byte grouping by 4', () => {
  const join = (grouped: Uint8Array) => {
    putStored(grouped, 0)
    return takeJoined(grouped.length)
  }

  it.each([
    ['', ''],
    ['0', '0'],
    ['0123', '0123'],
    ['01234', '04123'],
    ['012345', '041523'],
    ['0123456', '0415263'],
    ['01234567', '04152637'],
    ['abcdABCD', 'aAbBcCdD'],
  ])('%s comes of %s', (raw, grouped) => {
    expect(Buffer.from(bg4Split(Buffer.from(raw))).toString()).toBe(grouped)
    expect(Buffer.from(join(Buffer.from(grouped))).toString()).toBe(raw)
  })

  it('goes there and back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(), (raw, address) => {
        putStored(bg4Split(raw), 0)
        const joined = takeJoined(raw.length, address)
        expect(Buffer.compare(joined, raw)).toBe(0)
        expect(joined.byteOffset % 8).toBe(address % 8)
      }),
      runs(10_000),
    )
    for (const length of [MAX_CHUNK_BYTES, MAX_CHUNK_BYTES - 1, MAX_CHUNK_BYTES - 2, MAX_CHUNK_BYTES - 3]) {
      const raw = splitmix64(length, BigInt(length))
      expect(Buffer.compare(join(bg4Split(raw)), raw)).toBe(0)
    }
  })
})
