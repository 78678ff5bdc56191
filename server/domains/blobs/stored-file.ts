/** A file as one holder knows it. */
export interface StoredFile {
  /** Xet file hash. */
  readonly fileHash: string
  readonly sha256: string
  readonly size: number
  /** Whether the bytes have been read and hash to `sha256`. Refuted ones are never served. */
  readonly state: 'unproven' | 'proven' | 'refuted'
}

/** `provenSha256` is what the bytes hash to, null while nobody has read them. */
export function stateOf(sha256: string, provenSha256: string | null): StoredFile['state'] {
  if (provenSha256 === null) return 'unproven'
  return provenSha256 === sha256 ? 'proven' : 'refuted'
}
