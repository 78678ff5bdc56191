import { MalformedInput } from '../kernel/errors.ts'

/** Bytes of every Xet hash (chunk, xorb, file, range) and of a sha256. */
export const HASH_BYTES = 32

const hashText = /^[0-9a-f]{64}$/

/** True for 64 lower-case hex digits. */
export function isHashText(text: string): boolean {
  return hashText.test(text)
}

/**
 * Text form of the 32 bytes at `offset`: four little-endian u64, each printed as 16 hex digits, so the bytes of
 * every group of eight come out reversed (xet-core `data_hash.rs:DataHash::hex`). A sha256 inside a shard is kept
 * through the same detour, so this prints it as everyone else does.
 */
export function hashToText(hashes: Uint8Array, offset = 0): string {
  return Buffer.from(hashes.subarray(offset, offset + HASH_BYTES))
    .swap64()
    .toString('hex')
}

/** The 32 raw bytes of a hash in text form. Throws MalformedInput. `subject` names where the text stood. */
export function textToHash(text: string, subject = 'Xet hash'): Uint8Array {
  if (!isHashText(text)) {
    const shown = text.length > 80 ? `${text.slice(0, 80)}…` : text
    throw new MalformedInput(subject, `${JSON.stringify(shown)} is not 64 lower-case hex digits`)
  }
  return Buffer.from(text, 'hex').swap64()
}
