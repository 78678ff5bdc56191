import { HASH_BYTES } from '../../formats/xet-hash.ts'

/**
 * Chunks at the start of each file that are indexed. Clients ask for the first alone; the others find a copy whose
 * header was changed, which is what most new versions of a model are. Behind such a change the cuts take a few chunks
 * to fall where they fell: with the first 4 indexed, 1 copy in 250 was not found, and each more chunk misses a sixth
 * as often.
 */
export const leadingChunks = 16

/**
 * About one chunk in 1024: those whose hash, its last 8 bytes as little-endian u64, is divisible by 1024. Clients ask
 * for these and for the first chunk of a file (xet-core `file_deduplication.rs`), so these are indexed.
 */
export function isDedupEligible(hashes: Uint8Array, position: number): boolean {
  const lastWord = position * HASH_BYTES + 24
  return hashes[lastWord] === 0 && (hashes[lastWord + 1]! & 3) === 0
}
