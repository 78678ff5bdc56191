import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { runs } from '../../test/fuzz-runs.ts'
import { parseRange } from './ranges.ts'

describe('parseRange', () => {
  it.each([
    ['bytes=0-9', [[0, 10]]],
    ['bytes=90-', [[90, 100]]],
    ['bytes=-10', [[90, 100]]],
    ['bytes=-1000', [[0, 100]]],
    ['bytes=95-1000', [[95, 100]]],
    [
      'bytes=0-0,10-19, 99-',
      [
        [0, 1],
        [10, 20],
        [99, 100],
      ],
    ],
    ['bytes=200-300,0-9', [[0, 10]]],
    ['Bytes = 0-9', undefined],
    ['bytes=9-0', undefined],
    ['bytes=a-b', undefined],
    ['bytes=-', undefined],
    ['items=0-9', undefined],
    ['bytes=0-99,0-99', undefined],
  ])('%s of 100 bytes', (header, expected) => {
    const result = parseRange(header, 100)
    if (expected === undefined) expect(result).toEqual({ kind: 'whole' })
    else expect(result).toEqual({ kind: 'ranges', ranges: expected.map(([start, end]) => ({ start, end })) })
  })

  it.each(['bytes=100-', 'bytes=-0', 'bytes=100-200,300-'])('%s of 100 bytes cannot be satisfied', header => {
    expect(parseRange(header, 100)).toEqual({ kind: 'unsatisfiable' })
  })

  it('never leaves the body, whatever the header says', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(1000), (spec, size) => {
        const result = parseRange(`bytes=${spec}`, size)
        if (result.kind !== 'ranges') return
        for (const { start, end } of result.ranges) {
          expect(start).toBeGreaterThanOrEqual(0)
          expect(end).toBeGreaterThan(start)
          expect(end).toBeLessThanOrEqual(size)
        }
      }),
      runs(10_000),
    )
  })
})
