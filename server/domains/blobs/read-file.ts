import type { XorbIndex } from '../../formats/xorb-footer.ts'
import { ObjectMissing } from '../../ports/objects.ts'
import { CorruptChunk, FileRefuted } from './errors.ts'
import { fetchFrames } from './fetch-frames.ts'
import { areAllStored } from './frame-work.ts'
import type { BlobParts } from './parts.ts'
import { type FetchedPiece, readPieces } from './read-pieces.ts'
import { findXorbs } from './store-xorbs.ts'
import type { StoredFile } from './stored-file.ts'
import type { XorbsTable } from './tables.ts'
import { type FileTerms, type Term, termsOf, xorbsOf } from './terms.ts'
import { xorbKey } from './xorb-objects.ts'

/** Half-open range of bytes of a file. */
export interface FileRange {
  readonly start: number
  readonly end: number
}

type ReadParts = Pick<
  BlobParts,
  'database' | 'objects' | 'frames' | 'indexes' | 'terms' | 'memory' | 'damage'
>

/** `readFile` of a file as its holder knows it. Throws FileRefuted at once, before anything is promised to a reader. */
export function openFile(parts: ReadParts, file: StoredFile, range?: FileRange): AsyncIterable<Uint8Array> {
  if (file.state === 'refuted') throw new FileRefuted(file.sha256, file.fileHash)
  return readFile(parts, file.fileHash, range)
}

/**
 * Streams a file, or a range of it, in pieces of up to 2 MiB. Each is good until the next one is asked for: its memory is
 * used again. Every chunk is hashed on the way: CorruptChunk is thrown where the first damaged one stands, and nothing
 * of it is served. Throws FileNotKnown.
 */
export async function* readFile(
  parts: ReadParts,
  fileHash: string,
  range?: FileRange,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { file, xorbs } = await locate(parts, fileHash, range)
  const plan = (pieceBytes: () => number) => piecesOf(parts, file, xorbs, rangeIn(file, range), pieceBytes)
  yield* readPieces(parts.memory, plan, piece => fetchPiece(parts, piece))
}

/** The terms of a file and the rows of all xorbs that the range touches. Throws FileNotKnown, or ObjectMissing. */
export async function locate(
  parts: Pick<BlobParts, 'database' | 'terms'>,
  fileHash: string,
  range?: FileRange,
): Promise<{ file: FileTerms; xorbs: Map<string, XorbsTable> }> {
  for (let isSecond = false; ; isSecond = true) {
    const file = await parts.terms.get(fileHash)
    const { start, end } = rangeIn(file, range)
    const touched = start < end ? termsOf(file, start, end) : { first: 0, end: 0 }
    const names = xorbsOf(file.terms.slice(touched.first, touched.end))
    const xorbs = await findXorbs(parts.database.sql, names)
    const missing = names.find(name => !xorbs.has(name))
    // It may have been stored anew in other xorbs.
    const isDamaged = names.some(name => xorbs.get(name)?.damaged_at)
    if (missing === undefined && (isSecond || !isDamaged)) return { file, xorbs }
    if (isSecond) throw new ObjectMissing(xorbKey(missing!))
    parts.terms.forget(fileHash)
  }
}

function sizeOf(file: FileTerms): number {
  return file.starts[file.terms.length]!
}

function rangeIn(file: FileTerms, range: FileRange | undefined): FileRange {
  const size = sizeOf(file)
  if (!range) return { start: 0, end: size }
  const { start, end } = range
  if (start < 0 || start > end || end > size)
    throw new RangeError(`[${start}, ${end}) of a file of ${size} bytes`)
  return range
}

/** Neighbouring chunks of one xorb, and which of their bytes are wanted. */
interface Piece {
  readonly index: XorbIndex
  readonly chunkStart: number
  chunkEnd: number
  rawBytes: number
  frameBytes: number
  /** Bytes to leave out at the front and after `until`. */
  from: number
  until: number
}

async function* piecesOf(
  parts: Pick<BlobParts, 'indexes'>,
  file: FileTerms,
  xorbs: Map<string, XorbsTable>,
  { start, end }: FileRange,
  pieceBytes: () => number,
): AsyncGenerator<Piece, void, undefined> {
  if (start === end) return
  const touched = termsOf(file, start, end)
  let piece: Piece | undefined
  let limit = 0
  for (let t = touched.first; t < touched.end; t++) {
    const term = file.terms[t]!
    const index = await parts.indexes.get(xorbs.get(term.xorb)!)
    checkTerm(term, index)
    let at = file.starts[t]!
    for (let chunk = term.chunkStart; chunk < term.chunkEnd && at < end; chunk++) {
      const length = index.chunks.lengths[chunk]!
      const chunkStart = at
      at += length
      if (at <= start) continue
      const frameBytes = index.frameEnds[chunk]! - (index.frameEnds[chunk - 1] ?? 0)
      const continues =
        piece?.index === index &&
        piece.chunkEnd === chunk &&
        piece.rawBytes + length <= limit &&
        piece.frameBytes + frameBytes <= limit
      if (!piece || !continues) {
        if (piece) yield piece
        limit = pieceBytes()
        piece = {
          index,
          chunkStart: chunk,
          chunkEnd: chunk,
          rawBytes: 0,
          frameBytes: 0,
          from: Math.max(0, start - chunkStart),
          until: 0,
        }
      }
      piece.until = piece.rawBytes + Math.min(length, end - chunkStart)
      piece.rawBytes += length
      piece.frameBytes += frameBytes
      piece.chunkEnd = chunk + 1
    }
  }
  if (piece) yield piece
}

/** Terms were checked when they were written; this guards against a row that was damaged since. */
export function checkTerm(term: Term, index: XorbIndex): void {
  let bytes = 0
  for (let chunk = term.chunkStart; chunk < term.chunkEnd; chunk++)
    bytes += index.chunks.lengths[chunk] ?? Number.NaN
  if (bytes !== term.rawBytes) {
    throw new CorruptChunk(
      term.xorb,
      undefined,
      `chunks [${term.chunkStart}, ${term.chunkEnd}) have ${bytes} bytes, a file expects ${term.rawBytes}`,
    )
  }
}

/** What reads from the xorb has it examined when that fails. */
export async function orSuspect<T>(
  { damage }: Pick<BlobParts, 'damage'>,
  { hash }: XorbIndex,
  reading: Promise<T>,
): Promise<T> {
  try {
    return await reading
  } catch (error) {
    await damage.suspect(hash, error)
    throw error
  }
}

async function fetchPiece(parts: ReadParts, piece: Piece): Promise<FetchedPiece> {
  const fetched = fetchFrames(parts, piece.index, piece.chunkStart, piece.chunkEnd)
  const { frames, block } = await orSuspect(parts, piece.index, fetched)
  // Chunks that are not compressed are moved together where they lie.
  const into = areAllStored(frames.bytes) ? block : parts.memory.take(piece.rawBytes)
  try {
    await orSuspect(parts, piece.index, parts.frames.decode(frames, into.bytes))
    return { bytes: into.bytes.subarray(piece.from, piece.until), block: into }
  } catch (error) {
    into.free()
    throw error
  } finally {
    if (into !== block) block.free()
  }
}
