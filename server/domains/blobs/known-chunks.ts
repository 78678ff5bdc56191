import type { ChunkList } from '../../formats/chunk-list.ts'
import { HASH_BYTES } from '../../formats/xet-hash.ts'

/** Where a chunk lies: in the xorb of this number, at this position. */
export interface ChunkPlace {
  readonly xorb: number
  readonly position: number
}

/** Chunks kept at most, twice: about 8 MiB, the neighbourhood of 4 GB of content. */
const generationSize = 32_768
const positions = 8192

/**
 * The chunks that one upload may refer to instead of storing them again: those it has stored itself, and those of the
 * xorbs it has met. The oldest are forgotten, so that memory does not grow with the file.
 */
export class KnownChunks {
  #young = new Map<string, number>()
  #old = new Map<string, number>()

  find(hash: Uint8Array): ChunkPlace | undefined {
    const key = keyOf(hash, 0)
    const place = this.#young.get(key) ?? this.#old.get(key)
    return place === undefined
      ? undefined
      : { xorb: Math.floor(place / positions), position: place % positions }
  }

  /** A chunk that is known already stays where it was found first. */
  add(hash: Uint8Array, xorb: number, position: number): void {
    this.#add(keyOf(hash, 0), xorb, position)
  }

  addAll(chunks: ChunkList, xorb: number): void {
    for (let position = 0; position < chunks.lengths.length; position++) {
      this.#add(keyOf(chunks.hashes, position * HASH_BYTES), xorb, position)
    }
  }

  #add(key: string, xorb: number, position: number): void {
    if (this.#young.has(key) || this.#old.has(key)) return
    if (this.#young.size >= generationSize) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(key, xorb * positions + position)
  }
}

/** One character a byte: half of what hex takes, and quick to make. */
function keyOf(hashes: Uint8Array, at: number): string {
  return Buffer.from(hashes.buffer, hashes.byteOffset + at, HASH_BYTES).toString('latin1')
}
