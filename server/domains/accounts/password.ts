import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { MalformedInput } from '../../kernel/errors.ts'
import { looksMinted } from './access-token.ts'

const derive = promisify<string, Uint8Array, number, ScryptParameters & { maxmem: number }, Uint8Array>(
  scrypt,
)

interface ScryptParameters {
  /** Cost: memory is 128 · N · r bytes. */
  N: number
  r: number
  p: number
}

/** OWASP Password Storage Cheat Sheet (since 2023): scrypt with N = 2^17, r = 8, p = 1. 128 MiB and about 0.35 s. */
const current: ScryptParameters = { N: 2 ** 17, r: 8, p: 1 }
const saltBytes = 16
const keyBytes = 32

const minimumLength = 8
const maximumLength = 1024

/** Throws MalformedInput unless `password` may protect an account. */
export function checkPassword(password: string): void {
  if (password.length < minimumLength || password.length > maximumLength) {
    throw new MalformedInput(
      'password',
      `must have ${minimumLength} to ${maximumLength} characters (found ${password.length})`,
    )
  }
  if (looksMinted(password)) throw new MalformedInput('password', 'must not have the form of an access token')
}

/** `$scrypt$ln=17,r=8,p=1$salt$key`: the PHC string format, so that a later change of parameters leaves old hashes readable. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(saltBytes)
  return format(current, salt, await deriveKey(password, salt, current, keyBytes))
}

/** Constant time in the content. */
export async function verifyPassword(password: string, hash: string): Promise<boolean> {
  const { parameters, salt, key } = parse(hash)
  return timingSafeEqual(await deriveKey(password, salt, parameters, key.length), key)
}

/** A hash that no password has: checking against it costs what checking against a real one costs. */
export const unmatchableHash = format(current, randomBytes(saltBytes), randomBytes(keyBytes))

/** NFC, because keyboards differ in how they compose `é` (RFC 8265, OpaqueString). */
function deriveKey(
  password: string,
  salt: Uint8Array,
  parameters: ScryptParameters,
  length: number,
): Promise<Uint8Array> {
  return derive(password.normalize('NFC'), salt, length, {
    ...parameters,
    maxmem: 2 * 128 * parameters.N * parameters.r,
  })
}

function format({ N, r, p }: ScryptParameters, salt: Uint8Array, key: Uint8Array): string {
  return `$scrypt$ln=${Math.log2(N)},r=${r},p=${p}$${toText(salt)}$${toText(key)}`
}

function parse(hash: string): { parameters: ScryptParameters; salt: Uint8Array; key: Uint8Array } {
  const match = /^\$scrypt\$ln=(\d+),r=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/.exec(hash)
  if (!match)
    throw new MalformedInput('stored password hash', 'is not of the form $scrypt$ln=…,r=…,p=…$salt$key')
  const [, ln, r, p, salt, key] = match as unknown as [string, string, string, string, string, string]
  return {
    parameters: { N: 2 ** Number(ln), r: Number(r), p: Number(p) },
    salt: Buffer.from(salt, 'base64'),
    key: Buffer.from(key, 'base64'),
  }
}

/** Base64 without padding, as PHC strings have it. */
function toText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64').replace(/=+$/, '')
}
