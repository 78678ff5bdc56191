import { packChunks } from '../../formats/chunk-list.ts'
import { xorbHash } from '../../formats/merkle.ts'
import { hashToText } from '../../formats/xet-hash.ts'
import { encodeXorbFooter, MAX_XORB_CHUNKS } from '../../formats/xorb-footer.ts'
import { FRAME_HEADER_BYTES, writeFrameHeader } from '../../formats/xorb-frame.ts'
import type { StagedObject } from '../../ports/objects.ts'
import { removalOf } from './delete-doomed.ts'
import type { BlobParts } from './parts.ts'
import { recordXorb } from './record-xorb.ts'
import { findXorbs } from './store-xorbs.ts'
import { xorbKey } from './xorb-objects.ts'

/** Most bytes of the frames of a xorb that we fill ourselves: what clients keep to as well. */
const maxFramesBytes = 64 * 1024 * 1024

type PackParts = Pick<BlobParts, 'database' | 'objects' | 'clock'>

/** Fills one xorb with uncompressed chunks. It has no name until it is whole. */
class OpenXorb {
  readonly number: number
  readonly #object: StagedObject
  readonly #chunks: { hash: Uint8Array; length: number }[] = []
  #bytes = 0
  /** What is to be written: headers and chunks in turn. */
  #pieces: Uint8Array[] = []

  constructor(number: number, object: StagedObject) {
    this.number = number
    this.#object = object
  }

  hasRoomFor(raw: Uint8Array): boolean {
    return (
      this.#chunks.length < MAX_XORB_CHUNKS && this.#bytes + FRAME_HEADER_BYTES + raw.length <= maxFramesBytes
    )
  }

  /** Position of the chunk, whose bytes must not change until `flush` resolves. */
  add(raw: Uint8Array, hash: Uint8Array): number {
    const header = new Uint8Array(FRAME_HEADER_BYTES)
    writeFrameHeader(header, 0, { scheme: 0, storedLength: raw.length, rawLength: raw.length })
    this.#pieces.push(header, raw)
    this.#bytes += FRAME_HEADER_BYTES + raw.length
    return this.#chunks.push({ hash, length: raw.length }) - 1
  }

  async flush(): Promise<void> {
    await this.#object.append(this.#pieces.splice(0))
  }

  /** Stores it for `holder`, all chunks flushed, and returns its hash. */
  async store(parts: PackParts, holder: string): Promise<string> {
    const chunks = packChunks(this.#chunks)
    const hash = hashToText(xorbHash(chunks))
    let end = 0
    const frameEnds = chunks.lengths.map(length => {
      end += FRAME_HEADER_BYTES + length
      return end
    })
    await this.#object.append([encodeXorbFooter({ hash, chunks, frameEnds, framesLength: end })])
    const removal = await removalOf(parts, hash)
    const row = (await findXorbs(parts.database.sql, [hash])).get(hash)
    const isRepaired = row !== undefined && row.damaged_at !== null
    await (isRepaired ? this.#object.replace(xorbKey(hash)) : this.#object.commit(xorbKey(hash)))
    await recordXorb(parts, holder, hash, { removal, isRepaired })
    return hash
  }

  discard(): Promise<void> {
    return this.#object.discard()
  }
}

/**
 * Packs the new chunks of one upload into xorbs. One is filled while the one before it is being stored. `names` are
 * the hashes of all xorbs that the upload refers to by number, those of others too.
 */
export class XorbPacker {
  readonly names: string[] = []
  readonly #parts: PackParts
  readonly #holder: string
  #open: OpenXorb | undefined
  #storing: Promise<void> = Promise.resolve()

  constructor(parts: PackParts, holder: string) {
    this.#parts = parts
    this.#holder = holder
  }

  /** A number for a xorb that is stored already. */
  refer(hash: string): number {
    return this.names.push(hash) - 1
  }

  /** Puts a chunk, whose bytes must not change until `flush` resolves, into the xorb that is open. */
  async add(raw: Uint8Array, hash: Uint8Array): Promise<{ xorb: number; position: number }> {
    if (this.#open && !this.#open.hasRoomFor(raw)) await this.#store()
    this.#open ??= new OpenXorb(this.names.push('') - 1, await this.#parts.objects.stage())
    return { xorb: this.#open.number, position: this.#open.add(raw, hash) }
  }

  /** Writes the chunks that were added, not yet for good. */
  async flush(): Promise<void> {
    await this.#open?.flush()
  }

  /** Resolves when every chunk is stored and `names` is complete. */
  async finish(): Promise<void> {
    await this.#store()
    await this.#storing
  }

  /** Gives up what is not stored, whatever state it is in. */
  async close(): Promise<void> {
    await this.#storing.catch(() => {})
    await this.#open?.discard()
  }

  async #store(): Promise<void> {
    await this.#storing
    const full = this.#open
    if (!full) return
    await full.flush()
    this.#open = undefined
    this.#storing = full
      .store(this.#parts, this.#holder)
      .then(hash => {
        this.names[full.number] = hash
      })
      .finally(() => full.discard())
    // Awaited before the next one is stored, at the latest by finish or close.
    this.#storing.catch(() => {})
  }
}
