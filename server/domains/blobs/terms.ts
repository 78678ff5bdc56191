import { HASH_BYTES, hashToText, textToHash } from '../../formats/xet-hash.ts'

/** A run of chunks [chunkStart, chunkEnd) of one xorb: the next `rawBytes` bytes of a file. */
export interface Term {
  readonly xorb: string
  readonly chunkStart: number
  readonly chunkEnd: number
  readonly rawBytes: number
}

const termBytes = HASH_BYTES + 3 * 4

/** One row of `files` holds all terms of a file: 44 bytes each, xorb hash raw, then three little-endian u32. */
export function packTerms(terms: readonly Term[]): Uint8Array {
  const packed = Buffer.alloc(terms.length * termBytes)
  let at = 0
  for (const term of terms) {
    packed.set(textToHash(term.xorb), at)
    packed.writeUInt32LE(term.chunkStart, at + 32)
    packed.writeUInt32LE(term.chunkEnd, at + 36)
    packed.writeUInt32LE(term.rawBytes, at + 40)
    at += termBytes
  }
  return packed
}

/** The terms of one file, as they are cached. `starts[i]` is the file offset of term i; the last entry is the size. */
export interface FileTerms {
  readonly terms: readonly Term[]
  readonly starts: Float64Array
}

/** The inverse of packTerms. Throws when the row was damaged. */
export function unpackTerms(packed: Uint8Array): FileTerms {
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.length)
  if (bytes.length % termBytes !== 0)
    throw new Error(`terms of ${bytes.length} bytes: not a multiple of ${termBytes}`)
  const starts = new Float64Array(bytes.length / termBytes + 1)
  const terms: Term[] = []
  // A file names few xorbs many times: one text for each.
  let lastXorb = ''
  let lastAt = -1
  for (let at = 0; at < bytes.length; at += termBytes) {
    const isSame = lastAt >= 0 && bytes.compare(bytes, lastAt, lastAt + HASH_BYTES, at, at + HASH_BYTES) === 0
    if (!isSame) lastXorb = hashToText(bytes, at)
    lastAt = at
    const rawBytes = bytes.readUInt32LE(at + 40)
    starts[terms.length + 1] = starts[terms.length]! + rawBytes
    terms.push({
      xorb: lastXorb,
      chunkStart: bytes.readUInt32LE(at + 32),
      chunkEnd: bytes.readUInt32LE(at + 36),
      rawBytes,
    })
  }
  return { terms, starts }
}

/** Indexes [first, end) of the terms that hold bytes [start, stop) of the file; start < stop ≤ size. */
export function termsOf(file: FileTerms, start: number, stop: number): { first: number; end: number } {
  const first = lastAtMost(file.starts, start)
  let end = first + 1
  while (end < file.terms.length && file.starts[end]! < stop) end++
  return { first, end }
}

/** The last index whose value is at most `target`; values ascend. */
function lastAtMost(values: Float64Array, target: number): number {
  let low = 0
  let high = values.length - 1
  while (low < high) {
    const middle = (low + high + 1) >>> 1
    if (values[middle]! <= target) low = middle
    else high = middle - 1
  }
  return low
}

/** The xorbs that a file needs, each once, in the order of their first use. */
export function xorbsOf(terms: Iterable<Term>): string[] {
  const seen = new Set<string>()
  for (const term of terms) seen.add(term.xorb)
  return [...seen]
}
