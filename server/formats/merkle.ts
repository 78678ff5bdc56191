import { Blake3Hasher } from '@napi-rs/blake-hash'
import { type ChunkList, sliceChunks } from './chunk-list.ts'
import { HASH_BYTES } from './xet-hash.ts'

// The hashes of the Xet protocol. All take and give raw 32-byte hashes; `xet-hash.ts` prints them. Keys and rules:
// xet-core `data_hash.rs`, `aggregated_hashes.rs`, `chunk_verification.rs`.

type KeyedHash = (bytes: Uint8Array) => Uint8Array

const hashChunk = keyedHash(
  Buffer.from('6697f5775b9550de3135cbaca597181c9de421109beb2b58b4d0b04b93adf229', 'hex'),
)
const hashNode = keyedHash(
  Buffer.from('017ec5c7a5472996fd946666b48a02e65ddd536f37c76dd2f86352e64a53713f', 'hex'),
)
const hashRange = keyedHash(
  Buffer.from('7f1857d6ce56ed66127ff913e7a5c3f3a4cd26d5b5db49e64124987f28fb94c3', 'hex'),
)
const hashFile = keyedHash(Buffer.alloc(HASH_BYTES))

/** BLAKE3 keyed with 32 bytes. A hasher costs 8 µs to make and is free to reset. */
function keyedHash(key: Uint8Array): KeyedHash {
  // The native code aborts the whole process on any other length.
  if (key.length !== HASH_BYTES) throw new TypeError(`a BLAKE3 key has 32 bytes, not ${key.length}`)
  const hasher = Blake3Hasher.newKeyed(Buffer.from(key))
  return bytes => {
    hasher.reset()
    // By way of hex, which is twice as fast as digestBuffer().
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    return Buffer.from(hasher.update(buffer).digest('hex'), 'hex')
  }
}

/** Hash of a chunk's raw (decompressed) bytes. */
export function chunkHash(raw: Uint8Array): Uint8Array {
  return hashChunk(raw)
}

/** Hash of a xorb that holds these chunks in this order; 32 zero bytes for none. */
export function xorbHash(chunks: ChunkList): Uint8Array {
  const tree = new MerkleTree()
  for (let i = 0; i < chunks.lengths.length; i++) tree.add(chunks.hashes, i * HASH_BYTES, chunks.lengths[i]!)
  return tree.root()
}

/**
 * Hash of a file that consists of these chunks in this order; 32 zero bytes for an empty file. It depends on where
 * the file was cut, so one content may have several.
 */
export function fileHash(chunks: ChunkList): Uint8Array {
  const root = xorbHash(chunks)
  return chunks.lengths.length === 0 ? root : hashFile(root)
}

/** `fileHash` of chunks that come one by one. Holds a few KiB, however many they are. */
export class FileHasher {
  readonly #tree = new MerkleTree()
  #isEmpty = true

  /** Appends a chunk of `length` raw bytes. */
  push(hash: Uint8Array, length: number): void {
    this.#isEmpty = false
    this.#tree.add(hash, 0, length)
  }

  /** The hash of all chunks pushed. Ends the hasher: call it once, and push nothing after. */
  digest(): Uint8Array {
    const root = this.#tree.root()
    return this.#isEmpty ? root : hashFile(root)
  }
}

/** Proof that a client knows chunks [start, end): the "verification" entry beside each term of a shard. */
export function rangeHash(chunks: ChunkList, start: number, end: number): Uint8Array {
  return hashRange(sliceChunks(chunks, start, end).hashes)
}

/**
 * Each hash of the packed list keyed with `hmacKey` (32 bytes), packed likewise: what a global dedup answer shows
 * in place of chunk hashes, so that it confirms chunks to those who have them and teaches others nothing.
 */
export function keyedChunkHashes(hmacKey: Uint8Array, hashes: Uint8Array): Uint8Array {
  const hash = keyedHash(hmacKey)
  const keyed = new Uint8Array(hashes.length)
  for (let at = 0; at < hashes.length; at += HASH_BYTES) {
    keyed.set(hash(hashes.subarray(at, at + HASH_BYTES)), at)
  }
  return keyed
}

const minGroup = 3
const maxGroup = 9
const hexDigits = Buffer.from('0123456789abcdef')
/** 64 digits, ` : `, at most 16 decimal digits, a newline. */
const lineBytes = 64 + 3 + 16 + 1

/**
 * Neighbours are grouped, a group hashed to a node of the next level, and so on until a level has one node. A group
 * ends after its third or a later member if that member's hash is divisible by 4, after nine, or with its level.
 * Which means that no member has to be kept: each level holds the text of the group it is in.
 */
class MerkleTree {
  readonly #levels: Level[] = []

  /** Appends the node whose hash is at `offset`. */
  add(hashes: Uint8Array, offset: number, length: number): void {
    let [node, at, nodeLength] = [hashes, offset, length]
    for (let i = 0; ; i++) {
      this.#levels[i] ??= new Level()
      const level = this.#levels[i]!
      if (!level.add(node, at, nodeLength)) return
      nodeLength = level.groupLength
      node = level.closeGroup()
      at = 0
    }
  }

  /** The root, 32 zero bytes for no nodes. Ends the tree: nothing can be added after. */
  root(): Uint8Array {
    for (let i = 0; i < this.#levels.length; i++) {
      const level = this.#levels[i]!
      if (level.count === 1) return level.first
      if (!level.isGroupOpen) continue
      this.#levels[i + 1] ??= new Level()
      const { groupLength } = level
      this.#levels[i + 1]!.add(level.closeGroup(), 0, groupLength)
    }
    return new Uint8Array(HASH_BYTES)
  }
}

class Level {
  /** Nodes so far. */
  count = 0
  readonly first: Uint8Array = new Uint8Array(HASH_BYTES)
  /** Bytes of file under the open group. */
  groupLength = 0
  #members = 0
  readonly #text = Buffer.alloc(maxGroup * lineBytes)
  #textLength = 0

  get isGroupOpen(): boolean {
    return this.#members > 0
  }

  /** Appends a node and tells whether its group is complete. */
  add(hashes: Uint8Array, offset: number, length: number): boolean {
    if (this.count === 0) this.first.set(hashes.subarray(offset, offset + HASH_BYTES))
    this.count++
    this.#members++
    this.groupLength += length
    this.#write(hashes, offset, length)
    const lowestByteOfLastWord = hashes[offset + 24]!
    return (this.#members >= minGroup && lowestByteOfLastWord % 4 === 0) || this.#members === maxGroup
  }

  /** Hash over one line `<hash text> : <length>` a member. */
  closeGroup(): Uint8Array {
    const node = hashNode(this.#text.subarray(0, this.#textLength))
    this.#members = 0
    this.groupLength = 0
    this.#textLength = 0
    return node
  }

  #write(hashes: Uint8Array, offset: number, length: number): void {
    const text = this.#text
    let at = this.#textLength
    for (let word = offset; word < offset + HASH_BYTES; word += 8) {
      for (let byte = word + 7; byte >= word; byte--) {
        text[at++] = hexDigits[hashes[byte]! >> 4]!
        text[at++] = hexDigits[hashes[byte]! & 15]!
      }
    }
    this.#textLength = at + text.write(` : ${length}\n`, at, 'latin1')
  }
}
