import type { XorbIndex } from '../../formats/xorb-footer.ts'
import { parseRange } from '../../http/ranges.ts'
import { ObjectMissing } from '../../ports/objects.ts'
import { FileNotKnown, FileRefuted, RangeBeyondEnd, RangeNotGranted } from './errors.ts'
import type { BlobParts } from './parts.ts'
import { checkTerm, type FileRange, locate } from './read-file.ts'
import { findHeldByFile } from './store-files.ts'
import { findXorbs } from './store-xorbs.ts'
import { stateOf } from './stored-file.ts'
import { type FileTerms, type Term, termsOf } from './terms.ts'
import { frameRange, xorbKey } from './xorb-objects.ts'

/** How to build a range of a file: as the protocol words it, but for URLs. */
export interface Reconstruction {
  /** Bytes to skip at the start of the first term, which begins at a chunk. */
  readonly offset: number
  readonly terms: readonly ReconstructionTerm[]
  /** What to fetch of each xorb: sorted, apart from each other, nothing that is not in `terms`. */
  readonly fetches: ReadonlyMap<string, readonly FetchRange[]>
}

interface ReconstructionTerm {
  readonly hash: string
  readonly unpacked_length: number
  /** Chunks, end exclusive. */
  readonly range: FileRange
}

export interface FetchRange {
  readonly chunks: FileRange
  /** Bytes of the xorb object, end exclusive. */
  readonly bytes: FileRange
}

type ReconstructParts = Pick<BlobParts, 'database' | 'terms' | 'indexes'>

/**
 * The way to the bytes of `fileHash` that a Range header asks for; to all without one. A range that reaches over the
 * end is cut there. Throws FileNotKnown unless `holder` has the file, FileRefuted, RangeBeyondEnd.
 */
export async function reconstruct(
  parts: ReconstructParts,
  holder: string,
  fileHash: string,
  rangeHeader: string | undefined,
): Promise<Reconstruction> {
  const held = await findHeldByFile(parts.database.sql, holder, [fileHash])
  const good = held.find(file => stateOf(file.sha256, file.provenSha256) !== 'refuted')
  if (!good) {
    if (held[0]) throw new FileRefuted(held[0].sha256, fileHash)
    throw new FileNotKnown(fileHash)
  }
  if (good.size === 0) return { offset: 0, terms: [], fetches: new Map() }
  const range = askedRange(rangeHeader, good.size)
  const { file, xorbs } = await locate(parts, fileHash, range)
  return layOut(file, range, await parts.indexes.getAll(xorbs.values()))
}

function askedRange(header: string | undefined, size: number): FileRange {
  const asked = parseRange(header, size)
  if (asked.kind === 'unsatisfiable') throw new RangeBeyondEnd(size)
  if (asked.kind === 'whole') return { start: 0, end: size }
  // Clients ask for one range; several are answered by what lies around them all.
  return {
    start: Math.min(...asked.ranges.map(range => range.start)),
    end: Math.max(...asked.ranges.map(range => range.end)),
  }
}

/** Drops the whole chunks before and after the range (xet-core `xorb_utils.rs:compute_reconstruction_ranges`). */
function layOut(file: FileTerms, range: FileRange, indexes: ReadonlyMap<string, XorbIndex>): Reconstruction {
  const touched = termsOf(file, range.start, range.end)
  const terms: ReconstructionTerm[] = []
  let offset = 0
  for (let t = touched.first; t < touched.end; t++) {
    const term = file.terms[t]!
    const index = indexes.get(term.xorb)!
    checkTerm(term, index)
    const { lengths } = index.chunks
    let start = term.chunkStart
    let end = term.chunkEnd
    let from = file.starts[t]!
    let until = file.starts[t + 1]!
    while (from + lengths[start]! <= range.start) from += lengths[start++]!
    while (until - lengths[end - 1]! >= range.end) until -= lengths[--end]!
    if (terms.length === 0) offset = range.start - from
    terms.push({ hash: term.xorb, unpacked_length: until - from, range: { start, end } })
  }
  return { offset, terms, fetches: fetchesOf(terms, indexes) }
}

function fetchesOf(
  terms: readonly ReconstructionTerm[],
  indexes: ReadonlyMap<string, XorbIndex>,
): Map<string, FetchRange[]> {
  const byXorb = new Map<string, FileRange[]>()
  for (const { hash, range } of terms) {
    const ranges = byXorb.get(hash)
    if (ranges) ranges.push(range)
    else byXorb.set(hash, [range])
  }
  const fetches = new Map<string, FetchRange[]>()
  for (const [hash, ranges] of byXorb) fetches.set(hash, withBytes(indexes.get(hash)!, mergeRanges(ranges)))
  return fetches
}

function withBytes(index: XorbIndex, chunkRanges: readonly FileRange[]): FetchRange[] {
  return chunkRanges.map(chunks => ({ chunks, bytes: frameRange(index, chunks.start, chunks.end) }))
}

/**
 * Overlapping and touching ranges as one, sorted. A gap is never bridged, however small: what lies in it may belong to
 * somebody else.
 */
export function mergeRanges(ranges: readonly FileRange[]): FileRange[] {
  const merged: { start: number; end: number }[] = []
  for (const { start, end } of [...ranges].sort((a, b) => a.start - b.start)) {
    const last = merged.at(-1)
    if (last && start <= last.end) last.end = Math.max(last.end, end)
    else merged.push({ start, end })
  }
  return merged
}

async function usesOf(
  { terms }: Pick<BlobParts, 'terms'>,
  fileHash: string,
  xorbHash: string,
): Promise<Term[]> {
  const file = await terms.get(fileHash)
  return file.terms.filter(term => term.xorb === xorbHash)
}

/**
 * The xorb from which the holder of a fetch URL may read, given that all ranges of its frames that `rangesIn` gives lie in
 * chunks that the file uses. Throws RangeNotGranted.
 */
export async function grantXorbBytes(
  parts: ReconstructParts,
  fileHash: string,
  xorbHash: string,
  rangesIn: (framesBytes: number) => readonly FileRange[],
): Promise<XorbIndex> {
  let used = await usesOf(parts, fileHash, xorbHash)
  if (used.length === 0) {
    // The file may have been stored anew in other xorbs since its terms were read.
    parts.terms.forget(fileHash)
    used = await usesOf(parts, fileHash, xorbHash)
  }
  if (used.length === 0) throw new RangeNotGranted(xorbHash)
  const row = (await findXorbs(parts.database.sql, [xorbHash])).get(xorbHash)
  if (!row) throw new ObjectMissing(xorbKey(xorbHash))
  const chunks = mergeRanges(used.map(term => ({ start: term.chunkStart, end: term.chunkEnd })))
  const index = await parts.indexes.get(row)
  const granted = withBytes(index, chunks)
  for (const { start, end } of rangesIn(index.framesLength)) {
    const isInside = granted.some(({ bytes }) => bytes.start <= start && end <= bytes.end)
    if (!isInside) throw new RangeNotGranted(xorbHash)
  }
  return index
}
