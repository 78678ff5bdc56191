import { signPath } from '../../http/signed-url.ts'
import type { CasClaims } from './cas-token.ts'
import type { BlobParts } from './parts.ts'
import type { FetchRange, Reconstruction } from './reconstruct.ts'

/** Fetch URLs are good for this long. A client that comes later gets 403, asks for the file anew and goes on. */
const urlLifetimeMs = 60 * 60 * 1000
/** huggingface.js asks for all ranges of an entry in one Range header, and servers limit the size of headers. */
const rangesAnEntry = 128

type SignParts = Pick<BlobParts, 'signer' | 'clock'>

/**
 * Answer of version 2: one URL and all its ranges for each xorb, several entries only where there are very many. The
 * URLs differ, for huggingface.js finds its entries by URL (`XetBlob.ts`).
 */
export function presentV2(
  parts: SignParts,
  origin: string,
  claims: CasClaims,
  fileHash: string,
  found: Reconstruction,
): unknown {
  const xorbs: Record<string, unknown[]> = {}
  for (const [hash, ranges] of found.fetches) {
    const entries: unknown[] = []
    for (let at = 0; at < ranges.length; at += rangesAnEntry) {
      entries.push({
        url: fetchUrl(parts, origin, claims, fileHash, hash, entries.length),
        ranges: ranges.slice(at, at + rangesAnEntry).map(presentRange),
      })
    }
    xorbs[hash] = entries
  }
  return { offset_into_first_range: found.offset, terms: found.terms, xorbs }
}

/** Answer of version 1: a URL for each range. */
export function presentV1(
  parts: SignParts,
  origin: string,
  claims: CasClaims,
  fileHash: string,
  found: Reconstruction,
): unknown {
  return {
    offset_into_first_range: found.offset,
    terms: found.terms,
    fetch_info: fetchInfo(parts, origin, claims, fileHash, found),
  }
}

export function fetchInfo(
  parts: SignParts,
  origin: string,
  claims: CasClaims,
  fileHash: string,
  found: Reconstruction,
): Record<string, unknown[]> {
  const info: Record<string, unknown[]> = {}
  for (const [hash, ranges] of found.fetches) {
    info[hash] = ranges.map((range, i) => ({
      range: range.chunks,
      url: fetchUrl(parts, origin, claims, fileHash, hash, i),
      url_range: presentRange(range).bytes,
    }))
  }
  return info
}

/** Ends of chunks are exclusive, ends of bytes inclusive. */
function presentRange({ chunks, bytes }: FetchRange) {
  return { chunks, bytes: { start: bytes.start, end: bytes.end - 1 } }
}

function fetchUrl(
  parts: SignParts,
  origin: string,
  claims: CasClaims,
  fileHash: string,
  xorbHash: string,
  entry: number,
): string {
  const path = `/cas/v1/data/${xorbHash}?file=${fileHash}&entry=${entry}`
  return origin + signPath(parts.signer, 'GET', path, claims, parts.clock() + urlLifetimeMs)
}
