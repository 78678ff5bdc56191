import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { ObjectType } from './git-object.ts'
import { encodePackIndex, type IndexedEntry } from './pack-index.ts'
import { encodePackEntry, encodePackHeader, packHeaderLength, packTrailerLength } from './packfile.ts'

/** A complete pack and its index, ready to be stored. */
export interface BuiltPack {
  /** SHA-1 trailer in hex: git calls the files `pack-<packId>.pack` and `.idx`. */
  readonly packId: string
  /** The pack, in order; together `byteLength` bytes. */
  readonly pieces: readonly Uint8Array[]
  readonly byteLength: number
  readonly index: Uint8Array
}

interface BuiltEntry {
  readonly oid: string
  readonly bytes: Uint8Array
}

/**
 * Collects whole objects (no deltas) into one pack. The header holds their number and the trailer hashes the header,
 * so the deflated entries stay in memory until the end: a caller that takes foreign bytes watches `byteLength`.
 * The same objects in the same order give the same pack.
 */
export class PackBuilder {
  /** In the order of the `add` calls, which is not the order in which deflating ends. */
  readonly #entries = new Map<string, Promise<BuiltEntry>>()
  #byteLength = packHeaderLength + packTrailerLength

  get count(): number {
    return this.#entries.size
  }

  /** Size that the pack would have now; entries count once their `add` has settled. */
  get byteLength(): number {
    return this.#byteLength
  }

  has(oid: string): boolean {
    return this.#entries.has(oid)
  }

  /**
   * Appends the object, unless one with this id is there. `oid` must be `objectId(type, content)`: it is not computed
   * again. `content` must not change before the promise settles.
   */
  async add(oid: string, type: ObjectType, content: Uint8Array): Promise<void> {
    let entry = this.#entries.get(oid)
    if (!entry) {
      entry = this.#encode(oid, type, content)
      this.#entries.set(oid, entry)
    }
    await entry
  }

  /**
   * A builder that starts with what this one holds and shares its bytes, for a commit that is tried again on another
   * head. To be taken once every `add` has settled.
   */
  fork(): PackBuilder {
    const fork = new PackBuilder()
    for (const [oid, entry] of this.#entries) fork.#entries.set(oid, entry)
    fork.#byteLength = this.#byteLength
    return fork
  }

  async #encode(oid: string, type: ObjectType, content: Uint8Array): Promise<BuiltEntry> {
    const bytes = await encodePackEntry(type, content)
    this.#byteLength += bytes.length
    return { oid, bytes }
  }

  async finish(): Promise<BuiltPack> {
    const entries = await Promise.all(this.#entries.values())
    const pieces: Uint8Array[] = [encodePackHeader(entries.length)]
    const indexed: IndexedEntry[] = []
    let offset = packHeaderLength
    for (const { oid, bytes } of entries) {
      pieces.push(bytes)
      indexed.push({ oid, crc32: crc32(bytes), offset })
      offset += bytes.length
    }
    const hash = createHash('sha1')
    for (const piece of pieces) hash.update(piece)
    const trailer = hash.digest()
    pieces.push(trailer)
    const packId = trailer.toString('hex')
    return { packId, pieces, byteLength: offset + packTrailerLength, index: encodePackIndex(indexed, packId) }
  }
}
