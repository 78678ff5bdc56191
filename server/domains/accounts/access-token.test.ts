import { describe, expect, it } from 'vitest'
import { MalformedInput } from '../../kernel/errors.ts'
import { checkTokenValue, hashToken, looksMinted, mintToken } from './access-token.ts'

describe('access tokens', () => {
  it('are minted in the form that llama.cpp sends, never twice the same', () => {
    const tokens = Array.from({ length: 500 }, mintToken)
    for (const token of tokens) {
      expect(token).toMatch(/^hf_[A-Za-z0-9]{34}$/)
      expect(looksMinted(token)).toBe(true)
    }
    expect(new Set(tokens).size).toBe(500)
    // All 62 characters occur: 17,000 draws miss one with odds of 1 in 10^118.
    expect(new Set(tokens.join('').slice(3)).size).toBeGreaterThanOrEqual(62)
  })

  it('are stored as their SHA-256', () => {
    // FIPS 180-2, B.1.
    expect(hashToken('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
  })

  it.each(['x', 'hf_hub.js', 'hf_94wBhPGp6KrrTH3KDchhKpRxZwd6dmHWLL', 'with a space', '~'.repeat(128)])(
    'may be %j',
    token => expect(() => checkTokenValue(token)).not.toThrow(),
  )

  it.each(['', ' ', ' x', 'x ', 'a\nb', 'a\tb', 'é', '\x7f', '~'.repeat(129)])('may not be %j', token =>
    expect(() => checkTokenValue(token)).toThrow(MalformedInput),
  )
})
