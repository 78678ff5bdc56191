import { createHmac, timingSafeEqual } from 'node:crypto'

/**
 * Signs what the hub hands out and gets back (CAS tokens, URLs that authorise themselves) with the hub's one secret.
 * `purpose` keeps the kinds apart: a signature for one is none for another.
 */
export class Signer {
  readonly #secret: Uint8Array

  constructor(secret: Uint8Array) {
    this.#secret = secret
  }

  /** 43 characters of base64url: HMAC-SHA256. */
  sign(purpose: string, text: string): string {
    return createHmac('sha256', this.#secret).update(`${purpose}\n${text}`).digest('base64url')
  }

  /** Constant time in the content. */
  verify(purpose: string, text: string, signature: string): boolean {
    const expected = Buffer.from(this.sign(purpose, text))
    const given = Buffer.from(signature)
    return expected.length === given.length && timingSafeEqual(expected, given)
  }
}
