import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { runs } from '../../../test/fuzz-runs.ts'
import { sampleAxis, type TensorSketch } from '../sketches/index.ts'
import { sharedPlaces, sharedValues } from './align.ts'

/** A tensor that says of each value where it lies. */
function placesOf(rows: number, columns: number, side: number): TensorSketch {
  const [height, width] = [Math.min(rows, side), Math.min(columns, side)]
  const across = sampleAxis(columns, width)
  const values = sampleAxis(rows, height).flatMap(row => across.map(column => row * 1000 + column))
  const told = { role: 'q', layer: 0, dtype: 'F32', quantized: false, values: Float32Array.from(values) }
  return { ...told, rows, columns, height, width }
}
const sizes = fc.record({
  rows: fc.integer({ min: 1, max: 400 }),
  columns: fc.integer({ min: 1, max: 400 }),
  side: fc.integer({ min: 1, max: 80 }),
})

describe('sharedValues', () => {
  it('lays values of one place side by side, whatever both shapes and samples are', () => {
    fc.assert(
      fc.property(sizes, sizes, (a, b) => {
        const shared = sharedValues(placesOf(a.rows, a.columns, a.side), placesOf(b.rows, b.columns, b.side))
        expect(shared.a).toEqual(shared.b)
      }),
      runs(300),
    )
  })

  it('finds all of the smaller of two samples of one shape', () => {
    expect(sharedValues(placesOf(300, 200, 80), placesOf(300, 200, 32)).a).toHaveLength(32 * 32)
  })

  it('finds most of the places of an axis that has grown a little', () => {
    expect(sharedPlaces(1000, 32, 1010, 32).a.length).toBeGreaterThan(28)
  })
})
