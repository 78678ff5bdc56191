import { hash, randomInt } from 'node:crypto'
import { MalformedInput } from '../../kernel/errors.ts'

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

/** A new token: `hf_` and 34 letters and digits (202 bits), the form that llama.cpp asks for (`hf-cache.cpp:is_valid_hf_token`). */
export function mintToken(): string {
  return `hf_${Array.from({ length: 34 }, () => alphabet[randomInt(alphabet.length)]).join('')}`
}

/** Whether `text` has the form of a minted token. No password may have it, so that a stale token is never tried as one. */
export function looksMinted(text: string): boolean {
  return /^hf_[A-Za-z0-9]{34}$/.test(text)
}

/** What is stored and looked up. A plain hash is enough: a token is not guessed from its hash as a password is. */
export function hashToken(token: string): string {
  return hash('sha256', token)
}

/** Throws MalformedInput unless a header can carry `token`: 1 to 128 printable ASCII characters, no space at either end. */
export function checkTokenValue(token: string): void {
  if (!/^[\x21-\x7e]([\x20-\x7e]{0,126}[\x21-\x7e])?$/.test(token)) {
    throw new MalformedInput(
      'token',
      'must be 1 to 128 printable ASCII characters without a space at either end',
    )
  }
}
