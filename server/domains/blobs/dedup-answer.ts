import { randomBytes } from 'node:crypto'
import type { ShardXorb } from '../../formats/shard.ts'
import { HASH_BYTES } from '../../formats/xet-hash.ts'
import type { XorbIndex } from '../../formats/xorb-footer.ts'
import type { CasClaims } from './cas-token.ts'
import { ChunkNotKnown } from './errors.ts'
import type { BlobParts } from './parts.ts'
import type { FileRange } from './read-file.ts'
import { mergeRanges } from './reconstruct.ts'
import { findLargest } from './store-files.ts'
import { findIndexedChunks } from './store-xorbs.ts'
import type { XorbsTable } from './tables.ts'
import { xorbsOf } from './terms.ts'
import { findUsableXorbs } from './use-xorbs.ts'
import { findVisibleXorbs, type Visibility } from './visible-xorbs.ts'

/**
 * Chunks in one answer, at most about: 4 GiB of content, told in 3 MB. Where an answer ends the client must find a new
 * one, and uploads 1,000 chunks on the average until it meets one that it asks for.
 */
const mostChunks = 65_536
const mostXorbs = 256
/** Files whose use of a xorb is looked at to tell how much of it may be known. */
const mostFiles = 8
/** How long a client may keep the answer. A xorb in it is collected later than that, or the upload fails and is done again. */
const keptMs = 3 * 24 * 60 * 60 * 1000

/**
 * The shard that answers "does anybody have this chunk?": the xorb that holds it and those which follow in the same
 * file, for what comes next in the client's file is probably there. Only of content that the asker may see; of the
 * rest of these xorbs it learns nothing, and a chunk that only hidden content has is not known. Throws ChunkNotKnown.
 */
export async function answerDedup(
  parts: Pick<BlobParts, 'database' | 'reachable' | 'clock' | 'indexes' | 'terms' | 'frames'>,
  claims: CasClaims,
  chunkHash: string,
): Promise<Uint8Array> {
  const places = await findIndexedChunks(parts.database.sql, [chunkHash])
  const rows = await findUsableXorbs(
    parts.database,
    places.map(place => place.xorb_hash),
  )
  const visible = await findVisibleXorbs(parts, claims, [...rows.values()])
  for (const { xorb_hash, position } of places) {
    const row = rows.get(xorb_hash)
    const visibility = visible.get(xorb_hash)
    if (!row || !visibility) continue
    const first = await showXorb(parts, row, visibility)
    if (!first.ranges.some(({ start, end }) => start <= position && position < end)) continue
    const siblings = await showSiblings(parts, claims, row, visibility)
    const now = parts.clock()
    return parts.frames.answer({
      xorbs: [first.xorb, ...siblings],
      hmacKey: randomBytes(HASH_BYTES),
      createdAt: now,
      expiresAt: now + keptMs,
    })
  }
  throw new ChunkNotKnown(chunkHash)
}

/** The xorbs that follow `row` in a file that the asker may see, until there are chunks enough. */
async function showSiblings(
  parts: Pick<BlobParts, 'database' | 'reachable' | 'indexes' | 'terms'>,
  claims: CasClaims,
  row: XorbsTable,
  visibility: Visibility,
): Promise<ShardXorb[]> {
  const fileHash = await findLargest(parts.database.sql, visibility.files)
  if (fileHash === undefined) return []
  const trail = xorbsOf((await parts.terms.get(fileHash)).terms)
  const following = trail.slice(trail.indexOf(row.hash) + 1).slice(0, mostXorbs)
  const rows = await findUsableXorbs(parts.database, following)
  const visible = await findVisibleXorbs(parts, claims, [...rows.values()])
  const shown: ShardXorb[] = []
  let chunks = row.chunk_count
  for (const hash of following) {
    const next = rows.get(hash)
    const how = visible.get(hash)
    if (!next || !how) continue
    chunks += next.chunk_count
    if (chunks > mostChunks) break
    shown.push((await showXorb(parts, next, how)).xorb)
  }
  return shown
}

/** A xorb as far as it may be shown, and which of its chunks that are. */
async function showXorb(
  parts: Pick<BlobParts, 'indexes' | 'terms'>,
  row: XorbsTable,
  visibility: Visibility,
): Promise<{ xorb: ShardXorb; ranges: FileRange[] }> {
  const index = await parts.indexes.get(row)
  const everything = { start: 0, end: row.chunk_count }
  if (visibility.isWhole) return { xorb: index, ranges: [everything] }
  const used: FileRange[] = []
  for (const fileHash of visibility.files.slice(0, mostFiles)) {
    const { terms } = await parts.terms.get(fileHash)
    for (const term of terms) {
      if (term.xorb === row.hash) used.push({ start: term.chunkStart, end: term.chunkEnd })
    }
  }
  const ranges = mergeRanges(used)
  return { xorb: { hash: row.hash, chunks: hideChunks(index, ranges) }, ranges }
}

const hiddenLength = 65_536

/**
 * The chunk list with everything outside `ranges` made up: random hashes, which no client has, and lengths that say
 * nothing. The places of the others stay what they are.
 */
function hideChunks({ chunks }: XorbIndex, ranges: readonly FileRange[]): XorbIndex['chunks'] {
  const count = chunks.lengths.length
  if (ranges.length === 1 && ranges[0]!.start === 0 && ranges[0]!.end === count) return chunks
  const hashes = new Uint8Array(randomBytes(count * HASH_BYTES))
  const lengths = new Uint32Array(count).fill(hiddenLength)
  for (const { start, end } of ranges) {
    hashes.set(chunks.hashes.subarray(start * HASH_BYTES, end * HASH_BYTES), start * HASH_BYTES)
    lengths.set(chunks.lengths.subarray(start, end), start)
  }
  return { hashes, lengths }
}
