import { describe, expect, it } from 'vitest'
import { MalformedInput } from '../../kernel/errors.ts'
import { mintToken } from './access-token.ts'
import { checkPassword, hashPassword, unmatchableHash, verifyPassword } from './password.ts'

/** RFC 7914 section 12: P = "pleaseletmein", S = "SodiumChloride", N = 16384, r = 8, p = 1. */
const vector =
  '7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887'

function phc(key: string): string {
  const text = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '')
  return `$scrypt$ln=14,r=8,p=1$${text(Buffer.from('SodiumChloride'))}$${text(Buffer.from(key, 'hex'))}`
}

describe('passwords', () => {
  it('are verified as RFC 7914 computes scrypt, with the parameters of the stored hash', async () => {
    expect(await verifyPassword('pleaseletmein', phc(vector))).toBe(true)
    expect(await verifyPassword('pleaseletmeIn', phc(vector))).toBe(false)
    expect(await verifyPassword('pleaseletmein', phc(vector.replace(/.$/, '8')))).toBe(false)
  })

  it('are hashed at the cost that OWASP asks for, with a salt of their own', async () => {
    const [one, two] = await Promise.all([hashPassword('correct horse'), hashPassword('correct horse')])
    expect(one).toMatch(/^\$scrypt\$ln=17,r=8,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
    expect(two).not.toBe(one)
    expect(await verifyPassword('correct horse', one)).toBe(true)
    expect(await verifyPassword('correct hors', one)).toBe(false)
  })

  it('cost as much where there is no user: the parameters are the same', () => {
    expect(unmatchableHash).toMatch(/^\$scrypt\$ln=17,r=8,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
  })

  it('are one, however a keyboard composes its letters', async () => {
    expect(await verifyPassword('cafe\u0301 cafe\u0301', await hashPassword('caf\u00e9 caf\u00e9'))).toBe(
      true,
    )
  })

  it('are neither short nor endless, and no token', () => {
    expect(() => checkPassword('12345678')).not.toThrow()
    for (const bad of ['', '1234567', 'x'.repeat(1025), mintToken()]) {
      expect(() => checkPassword(bad)).toThrow(MalformedInput)
    }
  })
})
