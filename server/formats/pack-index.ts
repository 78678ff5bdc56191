import { createHash } from 'node:crypto'
import { MalformedInput } from '../kernel/errors.ts'
import { oidBytes } from './git-object.ts'
import { packHeaderLength, packTrailerLength } from './packfile.ts'

/** One entry of a pack: `crc32` is over its bytes as they stand in the pack, from `offset` on. */
export interface IndexedEntry {
  readonly oid: string
  readonly crc32: number
  readonly offset: number
}

// Source of the layout: gitformat-pack(5), "Version 2 pack-*.idx files".
const magic = Buffer.from('ff744f6300000002', 'hex')
const namesAt = magic.length + 256 * 4
const trailersLength = 40
/** Offsets from here on stand in the table of 8-byte offsets. */
const largeOffset = 0x8000_0000

/** The idx v2 of the pack `packId` (its SHA-1 trailer), byte for byte as `git index-pack` writes it. */
export function encodePackIndex(entries: readonly IndexedEntry[], packId: string): Uint8Array {
  const sorted = [...entries].sort((a, b) => (a.oid < b.oid ? -1 : a.oid > b.oid ? 1 : a.offset - b.offset))
  const count = sorted.length
  const large = sorted.filter(entry => entry.offset >= largeOffset)
  const bytes = Buffer.alloc(namesAt + count * 28 + large.length * 8 + trailersLength)
  const crcsAt = namesAt + count * 20
  const offsetsAt = crcsAt + count * 4
  magic.copy(bytes)
  const perFirstByte = new Uint32Array(256)
  let nextLarge = 0
  sorted.forEach((entry, i) => {
    const oid = oidBytes(entry.oid)
    perFirstByte[oid[0]!]! += 1
    oid.copy(bytes, namesAt + i * 20)
    bytes.writeUInt32BE(entry.crc32, crcsAt + i * 4)
    const isLarge = entry.offset >= largeOffset
    if (isLarge) bytes.writeBigUInt64BE(BigInt(entry.offset), offsetsAt + count * 4 + nextLarge * 8)
    bytes.writeUInt32BE(isLarge ? largeOffset + nextLarge++ : entry.offset, offsetsAt + i * 4)
  })
  let total = 0
  perFirstByte.forEach((n, first) => {
    total += n
    bytes.writeUInt32BE(total, magic.length + first * 4)
  })
  oidBytes(packId).copy(bytes, bytes.length - trailersLength)
  const body = bytes.subarray(0, bytes.length - 20)
  createHash('sha1').update(body).digest().copy(bytes, body.length)
  return bytes
}

/**
 * An idx v2 read where it lies, without a copy: `bytes` must not change while this is used. Bytes beyond the idx itself
 * cost 8 per object, and only once `entries` or `endOf` is called.
 */
export class PackIndex {
  readonly count: number
  /** SHA-1 trailer of the pack that this indexes. */
  readonly packId: string
  readonly #bytes: Buffer
  readonly #largeCount: number
  #sortedOffsets: Float64Array | undefined

  /**
   * Checks magic, fan-out and length, in constant time; `verifyChecksum` also hashes the whole. Throws MalformedInput,
   * as do the methods where an offset makes no sense.
   */
  constructor(bytes: Uint8Array, { verifyChecksum = false } = {}) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    if (bytes.length < namesAt + trailersLength) {
      throw new MalformedInput('pack index', `${bytes.length} bytes are too few for one`)
    }
    if (!this.#bytes.subarray(0, magic.length).equals(magic)) {
      throw new MalformedInput('pack index', 'does not start with the magic of version 2')
    }
    for (let first = 1; first < 256; first++) {
      if (this.#fanout(first) < this.#fanout(first - 1)) {
        throw new MalformedInput('pack index', `fan-out goes down at ${first}`)
      }
    }
    this.count = this.#fanout(255)
    const large = (bytes.length - namesAt - trailersLength - this.count * 28) / 8
    if (!Number.isInteger(large) || large < 0 || large > this.count) {
      throw new MalformedInput('pack index', `${bytes.length} bytes do not fit ${this.count} objects`)
    }
    this.#largeCount = large
    this.packId = this.#bytes.toString('hex', bytes.length - trailersLength, bytes.length - 20)
    if (verifyChecksum) this.#verifyChecksum()
  }

  /** Where the object starts in the pack; undefined when it is not there. MalformedInput unless `oid` is 40 hex digits. */
  find(oid: string): number | undefined {
    const wanted = oidBytes(oid)
    const i = this.#lowerBound(wanted)
    return i < this.count && this.#compare(wanted, i) === 0 ? this.#offset(i) : undefined
  }

  /** Ids that start with `prefix`, 1 to 40 lower-case hex digits, in order. Throws MalformedInput for anything else. */
  *startingWith(prefix: string): Generator<string> {
    if (!/^[0-9a-f]{1,40}$/.test(prefix)) {
      throw new MalformedInput(
        'object id',
        `prefix ${JSON.stringify(prefix.slice(0, 60))} is not 1 to 40 lower-case hex digits`,
      )
    }
    for (let i = this.#lowerBound(oidBytes(prefix.padEnd(40, '0'))); i < this.count; i++) {
      const oid = this.#oid(i)
      if (!oid.startsWith(prefix)) return
      yield oid
    }
  }

  /** Every object of the pack, in the order they lie in it. */
  *entries(): Generator<{ oid: string; offset: number }> {
    const offsets = this.#offsets()
    const nameOf = new Uint32Array(this.count)
    for (let i = 0; i < this.count; i++) nameOf[indexIn(offsets, this.#offset(i))] = i
    for (let i = 0; i < this.count; i++) yield { oid: this.#oid(nameOf[i]!), offset: offsets[i]! }
  }

  /**
   * Where the entry that starts at `offset` ends in a pack of `packSize` bytes: one range read gets it whole. Throws
   * MalformedInput when no entry starts there, so it also checks the base of an ofs-delta.
   */
  endOf(offset: number, packSize: number): number {
    const offsets = this.#offsets()
    const i = indexIn(offsets, offset)
    if (offsets[i] !== offset) throw new MalformedInput('pack', `no entry starts at byte ${offset}`)
    const end = offsets[i + 1] ?? packSize - packTrailerLength
    if (end <= offset || end > packSize - packTrailerLength) {
      throw new MalformedInput('pack index', `entry at ${offset} does not fit in a pack of ${packSize} bytes`)
    }
    return end
  }

  #offsets(): Float64Array {
    if (this.#sortedOffsets) return this.#sortedOffsets
    const offsets = new Float64Array(this.count)
    for (let i = 0; i < this.count; i++) offsets[i] = this.#offset(i)
    offsets.sort()
    for (let i = 1; i < this.count; i++) {
      if (offsets[i] === offsets[i - 1]) {
        throw new MalformedInput('pack index', `two objects start at byte ${offsets[i]}`)
      }
    }
    this.#sortedOffsets = offsets
    return offsets
  }

  /** First position whose id is not below `wanted`, or the end of its slot in the fan-out. */
  #lowerBound(wanted: Buffer): number {
    const first = wanted[0]!
    let low = first === 0 ? 0 : this.#fanout(first - 1)
    let high = this.#fanout(first)
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#compare(wanted, middle) <= 0) high = middle
      else low = middle + 1
    }
    return low
  }

  #compare(wanted: Buffer, i: number): number {
    return wanted.compare(this.#bytes, namesAt + i * 20, namesAt + (i + 1) * 20)
  }

  #oid(i: number): string {
    return this.#bytes.toString('hex', namesAt + i * 20, namesAt + (i + 1) * 20)
  }

  #offset(i: number): number {
    const offsetsAt = namesAt + this.count * 24
    let offset = this.#bytes.readUInt32BE(offsetsAt + i * 4)
    if (offset >= largeOffset) {
      const large = offset - largeOffset
      if (large >= this.#largeCount) {
        throw new MalformedInput('pack index', `large offset ${large} of ${this.#largeCount} is asked for`)
      }
      offset = Number(this.#bytes.readBigUInt64BE(offsetsAt + this.count * 4 + large * 8))
    }
    if (offset < packHeaderLength || !Number.isSafeInteger(offset)) {
      throw new MalformedInput('pack index', `offset ${offset} of object ${i} is in no pack`)
    }
    return offset
  }

  #fanout(first: number): number {
    return this.#bytes.readUInt32BE(magic.length + first * 4)
  }

  #verifyChecksum(): void {
    const body = this.#bytes.subarray(0, this.#bytes.length - 20)
    if (!createHash('sha1').update(body).digest().equals(this.#bytes.subarray(body.length))) {
      throw new MalformedInput('pack index', 'its SHA-1 does not match its bytes')
    }
  }
}

/** First position whose value is not below `wanted`. */
function indexIn(sorted: Float64Array, wanted: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (sorted[middle]! < wanted) low = middle + 1
    else high = middle
  }
  return low
}
