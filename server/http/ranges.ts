/** Half-open byte range [start, end). */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** What a Range header asks of a body of `size` bytes. `whole`: no header, or one that RFC 9110 14.2 lets us ignore. */
export type RangeRequest =
  | { kind: 'whole' }
  | { kind: 'ranges'; ranges: ByteRange[] }
  | { kind: 'unsatisfiable' }

/** More parts than this in one request serve nobody and cost a seek each; the whole is sent instead. */
const maximumParts = 512

/**
 * RFC 9110 section 14: `bytes=a-b`, `a-`, `-n`, lists of them. A unit we do not know or a spec that does not parse is
 * ignored; ranges that begin past the end are dropped, and when none is left the request cannot be satisfied.
 */
export function parseRange(header: string | undefined, size: number): RangeRequest {
  const specs = header && /^bytes=(.*)$/i.exec(header.trim())?.[1]?.split(',')
  if (!specs || specs.length > maximumParts) return { kind: 'whole' }
  const ranges: ByteRange[] = []
  for (const spec of specs) {
    const match = /^\s*(\d{0,15})-(\d{0,15})\s*$/.exec(spec)
    if (!match || (match[1] === '' && match[2] === '')) return { kind: 'whole' }
    const first = match[1] === '' ? undefined : Number(match[1])
    const last = match[2] === '' ? undefined : Number(match[2])
    if (first === undefined) {
      const length = Math.min(last ?? 0, size)
      if (length > 0) ranges.push({ start: size - length, end: size })
      continue
    }
    if (last !== undefined && last < first) return { kind: 'whole' }
    if (first < size) ranges.push({ start: first, end: last === undefined ? size : Math.min(last + 1, size) })
  }
  if (ranges.length === 0) return { kind: 'unsatisfiable' }
  // Asking for more bytes than there are, in overlapping parts, is how a small request becomes a flood.
  const asked = ranges.reduce((sum, range) => sum + range.end - range.start, 0)
  return asked > size ? { kind: 'whole' } : { kind: 'ranges', ranges }
}

/** `bytes 0-9/100`: last byte inclusive. */
export function contentRange(range: ByteRange, size: number): string {
  return `bytes ${range.start}-${range.end - 1}/${size}`
}
