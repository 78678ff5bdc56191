import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { runs } from '../../../test/fuzz-runs.ts'
import { symmetricEigenvalues } from './eigenvalues.ts'
import { product, rotation, transposed } from './weights-for-test.suite.ts'

/** R · diag · Rᵀ */
function withSpectrum(spectrum: readonly number[], seed: number): Float64Array {
  const n = spectrum.length
  const turn = rotation(seed, n)
  const stretched = turn.values.map((value, at) => value * (spectrum[at % n] as number))
  return Float64Array.from(product({ shape: [n, n], values: stretched }, transposed(turn)).values)
}

describe('symmetricEigenvalues', () => {
  it('gives those of the second difference, which are known', () => {
    const n = 40
    const matrix = new Float64Array(n * n)
    for (let i = 0; i < n; i++) {
      matrix[i * n + i] = 2
      if (i > 0) matrix[i * n + i - 1] = matrix[(i - 1) * n + i] = -1
    }
    const known = Array.from({ length: n }, (_, k) => 2 - 2 * Math.cos(((n - k) * Math.PI) / (n + 1)))
    for (const [at, value] of symmetricEigenvalues(matrix, n).entries())
      expect(value).toBeCloseTo(known[at]!, 12)
  })

  it('gives back the spectrum that a matrix was made with, largest first', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -100, max: 100, noNaN: true }), { minLength: 1, maxLength: 24 }),
        fc.nat(1000),
        (spectrum, seed) => {
          const found = symmetricEigenvalues(withSpectrum(spectrum, seed), spectrum.length)
          const sorted = [...spectrum].sort((a, b) => b - a)
          // The matrix is given in 32-bit floats.
          for (const [at, value] of found.entries()) expect(Math.abs(value - sorted[at]!)).toBeLessThan(2e-3)
        },
      ),
      runs(100),
    )
  })

  it('counts the rank', () => {
    const found = symmetricEigenvalues(withSpectrum([9, 4, 1, ...Array(29).fill(0)], 5), 32)
    expect(found.filter(value => value > 1e-4)).toHaveLength(3)
  })

  it('takes zeros, one value and none', () => {
    expect([...symmetricEigenvalues(new Float64Array(9), 3)]).toEqual([0, 0, 0])
    expect([...symmetricEigenvalues(Float64Array.of(7), 1)]).toEqual([7])
    expect([...symmetricEigenvalues(new Float64Array(0), 0)]).toEqual([])
  })
})
