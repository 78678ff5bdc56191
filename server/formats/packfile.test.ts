import { randomBytes } from 'node:crypto'
import { deflateSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { runs } from '../../test/fuzz-runs.ts'
import { LimitExceeded, MalformedInput } from '../kernel/errors.ts'
import {
  applyDelta,
  encodePackEntry,
  encodePackEntryHeader,
  encodePackHeader,
  inflateEntry,
  maxEntryHeaderLength,
  type PackEntryHeader,
  parsePackEntryHeader,
  parsePackHeader,
} from './packfile.ts'

const cases = runs(10_000)
const megabyte = 1024 * 1024

const size = fc.oneof(fc.nat({ max: 5000 }), fc.maxSafeNat())
const header: fc.Arbitrary<PackEntryHeader> = fc.oneof(
  fc.record({ type: fc.constantFrom('commit', 'tree', 'blob', 'tag'), size }),
  fc.record({
    type: fc.constant('ofs-delta'),
    size,
    distance: fc.oneof(
      fc.integer({ min: 1, max: 70_000 }),
      fc.maxSafeNat().map(n => Math.max(n, 1)),
    ),
  }),
  fc.record({
    type: fc.constant('ref-delta'),
    size,
    base: fc.uint8Array({ minLength: 20, maxLength: 20 }).map(bytes => Buffer.from(bytes).toString('hex')),
  }),
)

function turned(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = Uint8Array.from(bytes)
  if (copy.length > 0) copy[(bit >> 3) % copy.length]! ^= 1 << (bit & 7)
  return copy
}

describe('pack header', () => {
  it('holds version and count', () => {
    expect(Buffer.from(encodePackHeader(258)).toString('hex')).toBe('5041434b0000000200000102')
    expect(parsePackHeader(encodePackHeader(0xffff_ffff))).toBe(0xffff_ffff)
    expect(() => encodePackHeader(0x1_0000_0000)).toThrow(LimitExceeded)
  })

  it.each(['', '5041434b000000020000', '5041434a0000000200000102', '5041434b0000000400000102'])(
    'is refused as %s',
    hex => {
      expect(() => parsePackHeader(Buffer.from(hex, 'hex'))).toThrow(MalformedInput)
    },
  )
})

describe('entry header', () => {
  it.each<[string, PackEntryHeader]>([
    ['3f', { type: 'blob', size: 15 }],
    ['9001', { type: 'commit', size: 16 }],
    ['a4ff01', { type: 'tree', size: 4 + 255 * 16 }],
    ['65' + '7f', { type: 'ofs-delta', size: 5, distance: 127 }],
    ['65' + '8000', { type: 'ofs-delta', size: 5, distance: 128 }],
    ['65' + 'ff7f', { type: 'ofs-delta', size: 5, distance: 16_511 }],
    ['65' + '808000', { type: 'ofs-delta', size: 5, distance: 16_512 }],
    [`75${'ab'.repeat(20)}`, { type: 'ref-delta', size: 5, base: 'ab'.repeat(20) }],
  ])('%s', (hex, value) => {
    expect(Buffer.from(encodePackEntryHeader(value)).toString('hex')).toBe(hex)
    expect(parsePackEntryHeader(Buffer.from(`ffff${hex}00`, 'hex'), 2)).toEqual({
      header: value,
      length: hex.length / 2,
    })
  })

  it('comes back as it was', () => {
    fc.assert(
      fc.property(header, value => {
        const bytes = encodePackEntryHeader(value)
        expect(bytes.length).toBeLessThanOrEqual(maxEntryHeaderLength)
        expect(parsePackEntryHeader(bytes)).toEqual({ header: value, length: bytes.length })
      }),
      cases,
    )
  })

  it('is refused when cut short', () => {
    fc.assert(
      fc.property(header, fc.nat(), (value, cut) => {
        const bytes = encodePackEntryHeader(value)
        expect(() => parsePackEntryHeader(bytes.subarray(0, cut % bytes.length))).toThrow(MalformedInput)
      }),
      cases,
    )
  })

  it('gives a sound value or MalformedInput for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), bytes => {
        try {
          const { header, length } = parsePackEntryHeader(bytes)
          expect(length).toBeLessThanOrEqual(Math.min(bytes.length, maxEntryHeaderLength))
          expect(Number.isSafeInteger(header.size)).toBe(true)
          if (header.type === 'ofs-delta') expect(header.distance).toBeGreaterThan(0)
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedInput)
        }
      }),
      cases,
    )
  })

  it.each(['05', '55', '6500', `bf${'ff'.repeat(8)}00`, `65${'ff'.repeat(12)}00`])('refuses %s', hex => {
    expect(() => parsePackEntryHeader(Buffer.from(hex, 'hex'))).toThrow(MalformedInput)
  })
})

describe('entries', () => {
  it('inflate to what they were, whatever follows', async () => {
    const content = fc.uint8Array({ maxLength: 64 })
    await fc.assert(
      fc.asyncProperty(content, content, async (value, tail) => {
        const entry = await encodePackEntry('blob', value)
        const { header, length } = parsePackEntryHeader(entry)
        const bytes = Buffer.concat([entry.subarray(length), tail])
        const inflated = await inflateEntry(bytes, header.size, 64)
        expect(Buffer.compare(inflated.content, value)).toBe(0)
        expect(length + inflated.consumed).toBe(entry.length)
      }),
      cases,
    )
  })

  it.each([0, 1, 63, 64, 65, 65_535, 65_536, 65_537, 3_000_000])(
    'of %i bytes, by both ways',
    async length => {
      for (const content of [new Uint8Array(length), randomBytes(length)]) {
        const entry = await encodePackEntry('blob', content)
        const { header, length: headerLength } = parsePackEntryHeader(entry)
        expect(header).toEqual({ type: 'blob', size: length })
        const bytes = Buffer.concat([entry.subarray(headerLength), randomBytes(100)])
        const inflated = await inflateEntry(bytes, length, length)
        expect(Buffer.compare(inflated.content, content)).toBe(0)
        expect(headerLength + inflated.consumed).toBe(entry.length)
        for (const wrong of [length - 1, length + 1, length + 100].filter(n => n >= 0)) {
          await expect(inflateEntry(bytes, wrong, length + 100)).rejects.toThrow(MalformedInput)
        }
      }
    },
  )

  it('own their memory while small', async () => {
    const { content } = await inflateEntry(deflateSync(Buffer.from('hello')), 5, 5)
    expect(content.buffer.byteLength).toBe(5)
  })

  it('give the right content or MalformedInput when damaged', async () => {
    const content = fc.uint8Array({ minLength: 1, maxLength: 64 })
    await fc.assert(
      fc.asyncProperty(content, fc.nat(), fc.boolean(), async (value, where, isCut) => {
        const whole = deflateSync(value)
        const bytes = isCut ? whole.subarray(0, where % whole.length) : turned(whole, where)
        try {
          // A turned bit in the zlib header can mean another window; Adler-32 guards the rest.
          const inflated = await inflateEntry(bytes, value.length, 64)
          expect(isCut).toBe(false)
          expect(Buffer.compare(inflated.content, value)).toBe(0)
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedInput)
        }
      }),
      cases,
    )
    const large = deflateSync(randomBytes(100_000))
    await expect(inflateEntry(large.subarray(0, -1), 100_000, megabyte)).rejects.toThrow(MalformedInput)
    await expect(inflateEntry(turned(large, 400_000), 100_000, megabyte)).rejects.toThrow(MalformedInput)
  })

  it('are bounded by the limit and by what the input can give', async () => {
    const bomb = deflateSync(new Uint8Array(20 * megabyte))
    await expect(inflateEntry(bomb, 100, megabyte)).rejects.toThrow(/more than the 100 bytes/)
    await expect(inflateEntry(bomb, 100_000, megabyte)).rejects.toThrow(MalformedInput)
    await expect(inflateEntry(bomb, 20 * megabyte, megabyte)).rejects.toThrow(LimitExceeded)
    await expect(inflateEntry(bomb, 2 ** 40, 2 ** 50)).rejects.toThrow(/cannot inflate/)
  })
})

type Op = { insert: Uint8Array } | { start: number; length: number }

/** The delta of these instructions, with every byte of offset and length written or only those needed. */
function deltaOf(baseSize: number, resultSize: number, ops: readonly Op[], isMinimal: boolean): Buffer {
  const bytes = [...sizeBytes(baseSize), ...sizeBytes(resultSize)]
  for (const op of ops) {
    if ('insert' in op) {
      bytes.push(op.insert.length, ...op.insert)
      continue
    }
    const fields = [0, 8, 16, 24].map(shift => (op.start >>> shift) & 255)
    fields.push(...[0, 8, 16].map(shift => (op.length >>> shift) & 255))
    const written = fields
      .map((value, bit) => ({ value, bit }))
      .filter(({ value }) => !isMinimal || value > 0)
    bytes.push(
      written.reduce((mask, { bit }) => mask | (1 << bit), 0x80),
      ...written.map(({ value }) => value),
    )
  }
  return Buffer.from(bytes)
}

function sizeBytes(size: number): number[] {
  return size < 128 ? [size] : [(size & 127) | 128, ...sizeBytes(size >>> 7)]
}

const base = fc.uint8Array({ minLength: 1, maxLength: 40 })
const deltaCase = base.chain(bytes => {
  const copy = fc
    .tuple(fc.nat({ max: bytes.length - 1 }), fc.nat())
    .map(([start, n]) => ({ start, length: 1 + (n % (bytes.length - start)) }))
  const insert = fc.uint8Array({ minLength: 1, maxLength: 10 }).map(insert => ({ insert }))
  return fc.record({
    base: fc.constant(bytes),
    ops: fc.array(fc.oneof(copy, insert), { maxLength: 5 }),
    isMinimal: fc.boolean(),
  })
})

function resultOf(base: Uint8Array, ops: readonly Op[]): Buffer {
  return Buffer.concat(
    ops.map(op => ('insert' in op ? op.insert : base.subarray(op.start, op.start + op.length))),
  )
}

describe('deltas', () => {
  it('give what their instructions say', () => {
    fc.assert(
      fc.property(deltaCase, ({ base, ops, isMinimal }) => {
        const expected = resultOf(base, ops)
        const delta = deltaOf(base.length, expected.length, ops, isMinimal)
        expect(Buffer.compare(applyDelta(base, delta, expected.length), expected)).toBe(0)
      }),
      cases,
    )
  })

  it('copy 65536 bytes where no length is written', () => {
    const base = randomBytes(70_000)
    const delta = Buffer.concat([
      Buffer.from([...sizeBytes(70_000), ...sizeBytes(65_536 + 3)]),
      Buffer.from([0x81, 9, 3, 1, 2, 3]),
    ])
    const expected = Buffer.concat([base.subarray(9, 9 + 65_536), Buffer.from([1, 2, 3])])
    expect(Buffer.compare(applyDelta(base, delta, megabyte), expected)).toBe(0)
  })

  it('are refused when cut short', () => {
    fc.assert(
      fc.property(deltaCase, fc.nat(), ({ base, ops, isMinimal }, cut) => {
        const delta = deltaOf(base.length, resultOf(base, ops).length, ops, isMinimal)
        expect(() => applyDelta(base, delta.subarray(0, cut % delta.length), 1000)).toThrow(MalformedInput)
      }),
      cases,
    )
  })

  it('give a result of the size they say or are refused when a bit is turned', () => {
    fc.assert(
      fc.property(deltaCase, fc.nat(), ({ base, ops, isMinimal }, where) => {
        const delta = turned(deltaOf(base.length, resultOf(base, ops).length, ops, isMinimal), where)
        try {
          expect(applyDelta(base, delta, 64).length).toBeLessThanOrEqual(64)
        } catch (error) {
          expect(error instanceof MalformedInput || error instanceof LimitExceeded).toBe(true)
        }
      }),
      cases,
    )
  })

  const five = Buffer.from('hello')
  it.each([
    ['another base', [4, 1, 1, 65], /base of 4 bytes/],
    ['a copy from beyond the base', [5, 2, 0x91, 4, 2], /copies bytes 4 to 6 of a base of 5/],
    ['a far offset', [5, 1, 0x98, 255, 1], /copies/],
    ['too much', [5, 1, 2, 65, 66], /more than the 1 bytes/],
    ['too little', [5, 3, 2, 65, 66], /gives 2 bytes/],
    ['the reserved instruction', [5, 1, 0], /reserved/],
    ['a size without end', [5, ...Array(20).fill(255)], /over 2\^53/],
    ['nothing at all', [], /cut short/],
  ])('are refused with %s', (_, delta, fault) => {
    expect(() => applyDelta(five, Uint8Array.from(delta as number[]), 100)).toThrow(MalformedInput)
    expect(() => applyDelta(five, Uint8Array.from(delta as number[]), 100)).toThrow(fault as RegExp)
  })

  it('are held to the limit before anything is allocated', () => {
    const delta = Uint8Array.from([5, ...sizeBytes(2 ** 30), 0x90, 5])
    expect(() => applyDelta(five, delta, megabyte)).toThrow(LimitExceeded)
  })
})
