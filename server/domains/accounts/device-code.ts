import { hash, randomBytes, randomInt } from 'node:crypto'

/** RFC 8628 6.1: no vowels, so no words; no digits; 20^8 codes, 34 bits. */
const letters = 'BCDFGHJKLMNPQRSTVWXZ'

/** 256 random bits: device codes and refresh tokens, which programs keep to themselves. */
export function mintSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** What a person types from one screen into another: `BCDF-GHJK`. */
export function mintUserCode(): string {
  const code = Array.from({ length: 8 }, () => letters[randomInt(letters.length)]).join('')
  return `${code.slice(0, 4)}-${code.slice(4)}`
}

/** As it was minted, however it was typed; undefined for what is none. */
export function readUserCode(typed: string): string | undefined {
  const code = typed.toUpperCase().replace(/[^A-Z]/g, '')
  return code.length === 8 ? `${code.slice(0, 4)}-${code.slice(4)}` : undefined
}

/** What is stored of codes and refresh tokens. */
export function hashSecret(secret: string): string {
  return hash('sha256', secret)
}
