import type { XorbIndex } from '../../formats/xorb-footer.ts'
import { fetchFrames } from './fetch-frames.ts'
import type { BlobParts } from './parts.ts'
import { type FileRange, orSuspect } from './read-file.ts'
import { type FetchedPiece, readPieces } from './read-pieces.ts'
import { frameRange } from './xorb-objects.ts'

type ReadParts = Pick<BlobParts, 'objects' | 'frames' | 'memory' | 'damage'>

/**
 * Streams bytes [start, end) of the frames of a xorb as they are, in pieces of up to 2 MiB, each good until the next one is
 * asked for. Clients check nothing of what they fetch here but lengths, so every chunk that the range touches is
 * decoded and hashed first: CorruptChunk is thrown where the first damaged one stands, and nothing of it is served.
 */
export function readXorb(parts: ReadParts, index: XorbIndex, range: FileRange): AsyncIterable<Uint8Array> {
  return readPieces(
    parts.memory,
    pieceBytes => piecesOf(index, range, pieceBytes),
    piece => fetchPiece(parts, index, piece),
  )
}

/** Neighbouring chunks, and which bytes of the xorb are wanted of them. */
interface Piece {
  readonly chunks: FileRange
  readonly wanted: FileRange
}

async function* piecesOf(
  index: XorbIndex,
  { start, end }: FileRange,
  pieceBytes: () => number,
): AsyncGenerator<Piece, void, undefined> {
  const { frameEnds } = index
  let chunk = frameEnds.findIndex(frameEnd => frameEnd > start)
  for (let at = start; at < end; ) {
    const first = chunk++
    const from = frameRange(index, first, chunk).start
    const limit = from + pieceBytes()
    while (frameEnds[chunk - 1]! < end && frameEnds[chunk]! <= limit) chunk++
    const until = Math.min(end, frameEnds[chunk - 1]!)
    yield { chunks: { start: first, end: chunk }, wanted: { start: at, end: until } }
    at = until
  }
}

async function fetchPiece(parts: ReadParts, index: XorbIndex, piece: Piece): Promise<FetchedPiece> {
  const { chunks, wanted } = piece
  const { frames, block } = await orSuspect(parts, index, fetchFrames(parts, index, chunks.start, chunks.end))
  try {
    await orSuspect(parts, index, parts.frames.verify(frames))
  } catch (error) {
    block.free()
    throw error
  }
  const base = frameRange(index, chunks.start, chunks.end).start
  return { bytes: frames.bytes.subarray(wanted.start - base, wanted.end - base), block }
}
