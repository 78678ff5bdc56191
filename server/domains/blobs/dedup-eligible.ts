import { HASH_BYTES } from '../../formats/xet-hash.ts'

/**
 * Chunks at the start of each file that are indexed. Clients ask for the first alone; the others find a copy whose
 * header was changed, which is what most new versions of a model are.
 */
export const leadingChunks = 4

/**
 * About one chunk in 1024: those whose hash, its last 8 bytes as little-endian u64, is divisible by 1024. Clients ask
 * for these and for the first chunk of a file (xet-core `file_deduplication.rs`), so these are indexed.
 */
export function isDedupEligible(hashes: Uint8Array, position: number): boolean {
  const lastWord = position * HASH_BYTES + 24
  return hashes[lastWord] === 0 && (hashes[lastWord + 1]! & 3) === 0
}
