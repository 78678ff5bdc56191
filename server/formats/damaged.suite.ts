import fc from 'fast-check'
import { expect } from 'vitest'
import { runs } from '../../test/fuzz-runs.ts'
import { MalformedInput } from '../kernel/errors.ts'

/** Bytes with one bit turned, or cut off. */
export function damaged(of: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  return fc.tuple(of, fc.nat(), fc.nat({ max: 8 })).map(([whole, where, how]) => {
    if (whole.length === 0) return whole
    const at = where % whole.length
    if (how === 8) return whole.subarray(0, at)
    const copy = Uint8Array.from(whole)
    copy[at]! ^= 1 << how
    return copy
  })
}

/** What a codec may throw, whatever it is given. */
export function expectOnlyMalformed(
  of: fc.Arbitrary<Uint8Array>,
  parse: (bytes: Uint8Array) => unknown,
): void {
  fc.assert(
    fc.property(of, input => {
      try {
        parse(input)
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedInput)
      }
    }),
    runs(10_000),
  )
}
