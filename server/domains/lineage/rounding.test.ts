import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { runs } from '../../../test/fuzz-runs.ts'
import { halfStep, roundTo } from './rounding.ts'

const floats = fc.float({ noNaN: true, noDefaultInfinity: true })
/** Of the sizes that weights have: no overflow, no subnormal numbers. */
const weights = fc
  .tuple(fc.double({ min: 1, max: 2, maxExcluded: true, noNaN: true }), fc.integer({ min: -13, max: 3 }))
  .map(([significand, exponent]) => Math.fround(significand * 2 ** exponent))
const bitsOf = (value: number) => new Uint32Array(Float32Array.of(value).buffer)[0] as number
const floatOf = (bits: number) => new Float32Array(Uint32Array.of(bits).buffer)[0] as number

describe('roundTo', () => {
  it('gives for F16 what Float16Array keeps', () => {
    fc.assert(
      fc.property(floats, value => {
        expect(roundTo('F16', value)).toBe(Float16Array.of(value)[0])
      }),
      runs(2000),
    )
  })

  it('gives for BF16 the nearer of the two numbers without lower bits, the even one of two as near', () => {
    fc.assert(
      fc.property(weights, value => {
        const below = bitsOf(value) & 0xffff0000
        const [low, high] = [floatOf(below), floatOf(below + 0x10000)]
        const isEvenLow = ((below >>> 16) & 1) === 0
        const isLow = value - low < high - value || (value - low === high - value && isEvenLow)
        expect(roundTo('BF16', value)).toBe(isLow ? low : high)
      }),
      runs(2000),
    )
  })

  it.each([
    [0x3f808000, 0x3f800000],
    [0x3f818000, 0x3f820000],
    [0x3f808001, 0x3f810000],
    [0xbf818000, 0xbf820000],
    [0x80000000, 0x80000000],
  ])('gives for BF16 of %i the word %i', (from, to) => {
    expect(bitsOf(roundTo('BF16', floatOf(from)))).toBe(to)
  })

  it('leaves a 32-bit float as it is', () => {
    fc.assert(
      fc.property(floats, value => {
        expect(roundTo('F32', value)).toBe(value)
      }),
      runs(200),
    )
  })
})

describe('halfStep', () => {
  it.each(['F32', 'BF16', 'F16'])(
    'is how far rounding to %s moves a value at most, and no more than that',
    dtype => {
      fc.assert(
        fc.property(weights, value => {
          expect(Math.abs(roundTo(dtype, value) - value)).toBeLessThanOrEqual(halfStep(dtype, value))
        }),
        runs(2000),
      )
      // 1 and this much more is as far from both neighbours.
      const step = halfStep(dtype, 1)
      expect(roundTo(dtype, 1 + step)).toBe(1)
      expect(roundTo(dtype, 1 + step * 1.01)).toBe(1 + 2 * step)
    },
  )
})
