import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { runs } from '../../test/fuzz-runs.ts'
import { bg4Join, bg4Split } from './bg4.ts'

describe('byte grouping by 4', () => {
  it.each([
    ['', ''],
    ['0', '0'],
    ['0123', '0123'],
    ['01234', '04123'],
    ['012345', '041523'],
    ['0123456', '0415263'],
    ['01234567', '04152637'],
    ['abcdABCD', 'aAbBcCdD'],
  ])('splits %s to %s', (raw, grouped) => {
    expect(Buffer.from(bg4Split(Buffer.from(raw))).toString()).toBe(grouped)
    expect(Buffer.from(bg4Join(Buffer.from(grouped))).toString()).toBe(raw)
  })

  it('goes there and back, also unaligned', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(3), (bytes, skip) => {
        const raw = bytes.subarray(skip)
        const grouped = new Uint8Array(raw.length + skip)
        grouped.set(bg4Split(raw), skip)
        expect(Buffer.compare(bg4Join(grouped.subarray(skip)), raw)).toBe(0)
      }),
      runs(10_000),
    )
  })
})
