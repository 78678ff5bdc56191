import { type Block, type PieceMemory, ReaderPace } from './piece-memory.ts'

/** Bytes for a reader, and the memory that they lie in. */
export interface FetchedPiece {
  readonly bytes: Uint8Array
  readonly block: Block
}

/**
 * Gives pieces in turn, some fetched ahead while the reader is fast. Each is good until the next one is asked for: its
 * memory is used again. `plan` cuts what is wanted into pieces of at most so many bytes as are right at each time.
 */
export async function* readPieces<Piece>(
  memory: PieceMemory,
  plan: (pieceBytes: () => number) => AsyncGenerator<Piece, void, undefined>,
  fetch: (piece: Piece) => Promise<FetchedPiece>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const pace = new ReaderPace(memory)
  let endPromise = () => {}
  const planned = plan(() => {
    const bytes = pace.pieceBytes
    endPromise = memory.promise(bytes)
    return bytes
  })
  const ahead: Promise<FetchedPiece>[] = []
  try {
    for (;;) {
      while (ahead.length <= pace.piecesAhead) {
        const piece = await planned.next()
        if (piece.done) break
        const next = fetch(piece.value).finally(endPromise)
        // It is awaited some rounds later, or when the reader goes away.
        next.catch(() => {})
        ahead.push(next)
      }
      const next = ahead.shift()
      if (!next) return
      const { bytes, block } = await next
      try {
        const since = performance.now()
        yield bytes
        pace.tookPiece(performance.now() - since)
      } finally {
        block.free()
      }
    }
  } finally {
    endPromise()
    for (const result of await Promise.allSettled(ahead)) {
      if (result.status === 'fulfilled') result.value.block.free()
    }
  }
}
