/** The smallest block: the largest chunk with its header, in whole pages of memory. */
const unitBytes = 136 * 1024
/** Each size of block is twice the one before; the largest is 16 units, 2.1 MiB. */
const levels = 5
const largestUnits = 2 ** (levels - 1)
const arenaUnits = 16 * largestUnits
const mostSpare = 128
/** No piece takes more than this part of what is free: the fuller it is, the smaller are the pieces. */
const shareOfFree = 1 / 8
/** A reader that takes a piece within this time is fast: its next ones are larger and read ahead. */
const promptMs = 250
/** Pieces that are on their way while one is with a fast reader: compressed ones are decoded on several cores. */
const mostAhead = 2

/** Some of the memory of pieces, shared with the worker threads: nothing is copied or handed over on its way. */
export interface Block {
  readonly bytes: Uint8Array
  /** Once, when nothing is read into it or out of it any more. */
  free(): void
}

/**
 * Memory for what is on its way to readers, 34 MiB that are used again and again: fresh memory for every 2 MiB that go out
 * is the collector's largest work. It is cut into halves, quarters … as needed, and put together again (a buddy
 * allocator). When none is left there still is new memory for a smallest piece, so nobody waits for those who read
 * slowly; and who does not read, holds one smallest piece and no more.
 */
export class PieceMemory {
  readonly #arena = new SharedArrayBuffer(arenaUnits * unitBytes)
  /** First units of the free blocks of each level. */
  readonly #free: number[][] = Array.from({ length: levels }, () => [])
  #freeUnits = arenaUnits
  /** Units that planned pieces have yet to take. */
  #promisedUnits = 0
  /** Blocks of one unit outside of the arena, for when it is full. */
  readonly #spare: Uint8Array[] = []

  constructor() {
    for (let unit = 0; unit < arenaUnits; unit += largestUnits) this.#free[levels - 1]!.push(unit)
  }

  /** At least so many bytes. */
  take(bytes: number): Block {
    const level = Math.ceil(Math.log2(Math.max(1, Math.ceil(bytes / unitBytes))))
    const unit = this.#takeUnits(level)
    if (unit === undefined) return this.#takeSpare(bytes)
    const units = 2 ** level
    this.#freeUnits -= units
    return {
      bytes: Buffer.from(this.#arena, unit * unitBytes, units * unitBytes),
      free: () => {
        this.#freeUnits += units
        this.#giveUnits(unit, level)
      },
    }
  }

  /**
   * Memory for a piece of so many bytes, as stored and as raw, counts as taken until the result is called. Between the
   * planning of a piece and its memory many others are planned, and must not all count on the same.
   */
  promise(bytes: number): () => void {
    let units = 2 * Math.ceil(bytes / unitBytes)
    this.#promisedUnits += units
    return () => {
      this.#promisedUnits -= units
      units = 0
    }
  }

  /** The largest block that a piece should take now. */
  get fairBytes(): number {
    const largestFree = this.#free.findLastIndex(units => units.length > 0)
    const fair = Math.floor(Math.log2(Math.max(1, (this.#freeUnits - this.#promisedUnits) * shareOfFree)))
    return unitBytes * 2 ** Math.max(0, Math.min(largestFree, fair))
  }

  #takeSpare(bytes: number): Block {
    const spare = bytes <= unitBytes ? this.#spare.pop() : undefined
    const memory = spare ?? Buffer.from(new SharedArrayBuffer(Math.max(bytes, unitBytes)))
    return {
      bytes: memory,
      free: () => {
        if (memory.length === unitBytes && this.#spare.length < mostSpare) this.#spare.push(memory)
      },
    }
  }

  #takeUnits(level: number): number | undefined {
    const unit = this.#free[level]?.pop()
    if (unit !== undefined || level >= levels) return unit
    const parent = this.#takeUnits(level + 1)
    if (parent !== undefined) this.#free[level]!.push(parent + 2 ** level)
    return parent
  }

  #giveUnits(unit: number, level: number): void {
    const free = this.#free[level]!
    const twin = unit ^ (2 ** level)
    const at = level < levels - 1 ? free.indexOf(twin) : -1
    if (at < 0) free.push(unit)
    else {
      free.splice(at, 1)
      this.#giveUnits(Math.min(unit, twin), level + 1)
    }
  }
}

/** How large the pieces of one reader are, and how many are read ahead: the faster it takes them, the more. */
export class ReaderPace {
  readonly #memory: PieceMemory
  #wanted = unitBytes

  constructor(memory: PieceMemory) {
    this.#memory = memory
  }

  /** Most bytes of a piece, as stored and as raw. A chunk that has more is a piece of its own. */
  get pieceBytes(): number {
    return Math.min(this.#wanted, this.#memory.fairBytes)
  }

  get piecesAhead(): number {
    return this.#wanted > unitBytes && this.#memory.fairBytes > unitBytes ? mostAhead : 0
  }

  /** The reader had the last piece for so long. */
  tookPiece(ms: number): void {
    this.#wanted = ms > promptMs ? unitBytes : Math.min(2 * this.#wanted, largestUnits * unitBytes)
  }
}
