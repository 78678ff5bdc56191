import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { runs } from '../../test/fuzz-runs.ts'
import { MalformedInput } from '../kernel/errors.ts'
import { hashToText, isHashText, textToHash } from './xet-hash.ts'

const hash = fc.uint8Array({ minLength: 32, maxLength: 32 })

describe('xet hash text', () => {
  it('prints four little-endian words', () => {
    const bytes = Uint8Array.from({ length: 32 }, (_, i) => i)
    const text = '07060504030201000f0e0d0c0b0a090817161514131211101f1e1d1c1b1a1918'
    expect(hashToText(bytes)).toBe(text)
    expect([...textToHash(text)]).toEqual([...bytes])
  })

  it('goes there and back, at any offset', () => {
    fc.assert(
      fc.property(hash, fc.nat(40), (bytes, offset) => {
        const text = hashToText(bytes)
        const surrounded = new Uint8Array(offset + 32 + 3).fill(0xaa)
        surrounded.set(bytes, offset)
        expect(isHashText(text)).toBe(true)
        expect(hashToText(surrounded, offset)).toBe(text)
        expect(Buffer.compare(textToHash(text), bytes)).toBe(0)
      }),
      runs(10_000),
    )
  })

  it.each(['', 'ff', 'g'.repeat(64), 'F'.repeat(64), 'a'.repeat(65), `${'a'.repeat(64)}\n`, 'x'.repeat(1e6)])(
    'refuses anything but 64 lower-case hex digits',
    text => {
      expect(isHashText(text)).toBe(false)
      expect(() => textToHash(text, 'path')).toThrow(MalformedInput)
      expect(() => textToHash(text, 'path')).toThrow(/^path: ".{0,82} is not 64 lower-case hex digits$/)
    },
  )
})
