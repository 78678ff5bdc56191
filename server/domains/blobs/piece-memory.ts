/** So much of all readers' pieces is in memory at once, as long as the smallest pieces allow. */
const totalBytes = 64 * 1024 * 1024
const largestPiece = 2 * 1024 * 1024
/** The largest chunk: a piece holds at least one. */
const smallestPiece = 128 * 1024
/** Room for the frame headers of a piece; one with more of them gets memory of its own. */
const headerRoom = 64 * 1024
const keptSlots = 16
/** Pieces that are on their way while one is with the reader: compressed ones are decoded on several cores. */
export const piecesAhead = 2

/** Memory of one piece, shared with the worker threads: nothing is copied or handed over on its way. */
export interface Slot {
  /** For frames that have to be decoded. */
  readonly frames: Uint8Array
  /** For chunks, or for frames that hold them as they are. */
  readonly raw: Uint8Array
}

/**
 * Memory into which readers read, used again and again: fresh memory for every 2 MiB that go out is the collector's
 * largest work. The more readers there are, the smaller are their pieces, so that many slow ones stay within bounds.
 */
export class PieceMemory {
  #readers = 0
  readonly #free: Slot[] = []

  /** For one reader, until `close`. */
  open(): ReaderMemory {
    this.#readers++
    const share = totalBytes / (2 * (piecesAhead + 1) * this.#readers)
    const pieceBytes = Math.max(smallestPiece, Math.min(largestPiece, Math.floor(share)))
    return new ReaderMemory(pieceBytes, pieceBytes + headerRoom, this.#free, () => {
      this.#readers--
    })
  }
}

/** Slots in turn: what was read into one is good until `piecesAhead` more reads have begun, and the one after them does. */
export class ReaderMemory {
  /** Bytes of chunks that a piece should have at most. */
  readonly pieceBytes: number
  readonly #slotBytes: number
  readonly #free: Slot[]
  readonly #onClose: () => void
  readonly #slots: (Slot | undefined)[] = []
  #turn = 0

  constructor(pieceBytes: number, slotBytes: number, free: Slot[], onClose: () => void) {
    this.pieceBytes = pieceBytes
    this.#slotBytes = slotBytes
    this.#free = free
    this.#onClose = onClose
  }

  /** Undefined when so many bytes do not fit into a slot. */
  next(bytes: number): Slot | undefined {
    if (bytes > this.#slotBytes) return undefined
    this.#turn = (this.#turn + 1) % (piecesAhead + 1)
    const slot = this.#slots[this.#turn] ?? this.#take()
    this.#slots[this.#turn] = slot
    return slot
  }

  /** Nothing may be read into the slots, or out of them, from now on. */
  close(): void {
    for (const slot of this.#slots) {
      if (slot?.raw.length === largestPiece + headerRoom && this.#free.length < keptSlots)
        this.#free.push(slot)
    }
    this.#onClose()
  }

  #take(): Slot {
    const isLargest = this.#slotBytes === largestPiece + headerRoom
    const free = isLargest ? this.#free.pop() : undefined
    return free ?? { frames: sharedBytes(this.#slotBytes), raw: sharedBytes(this.#slotBytes) }
  }
}

function sharedBytes(length: number): Uint8Array {
  return Buffer.from(new SharedArrayBuffer(length))
}
