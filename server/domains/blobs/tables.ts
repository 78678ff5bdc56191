/** The tables of blobs. Hashes are lower-case hex text, times milliseconds since the epoch, sizes bytes. */
export type BlobTables = {
  xorbs: XorbsTable
  files: FilesTable
  file_xorbs: FileXorbsTable
  chunk_index: ChunkIndexTable
  holdings: HoldingsTable
  uploads: UploadsTable
}

/** A xorb that is stored whole and was verified when it came. Its object is `xorbs/<first 2 digits>/<hash>`. */
export type XorbsTable = {
  hash: string
  chunk_count: number
  /** Bytes of all chunks, decoded. */
  raw_bytes: number
  /** Bytes of all frames: where the footer begins. */
  frames_bytes: number
  /** Bytes of the whole object. */
  object_bytes: number
  /** Holder for whom it came first; it may dedup against all of the xorb before a file uses it. */
  uploaded_for: string
  created_at: number
  /** When collection found it without a file. Taken back by every use. */
  unreferenced_since: number | null
  /** Since when collection deletes the object, or has deleted it: the xorb counts as absent. */
  doomed_at: number | null
  /** Names the deletion that is done. While there is none the xorb cannot be stored anew. */
  removal: string | null
  /** Since when it is known that the object is not what was stored: nothing is built upon it until it is stored anew. */
  damaged_at: number | null
}

/** How to build a file from chunks. The row says nothing of who may read it. */
export type FilesTable = {
  /** Xet file hash: the content, whatever name or sha256 it was given. */
  hash: string
  /** What the bytes really hash to; null until somebody has read them all. */
  sha256: string | null
  size: number
  /** Packed, see terms.ts. */
  terms: Uint8Array
  created_at: number
}

/** Which xorbs a file needs: what keeps a xorb, and who may see it. */
type FileXorbsTable = {
  file_hash: string
  xorb_hash: string
}

/** Where chunks that clients ask for lie: first chunks of files, and about one in 1024 of all others. */
export type ChunkIndexTable = {
  chunk_hash: string
  xorb_hash: string
  position: number
}

/** This holder may refer to this content, pinned to one file: a claim by another holder cannot change what it reads. */
export type HoldingsTable = {
  holder: string
  sha256: string
  file_hash: string
  /** Null while the upload waits for its commit. */
  committed_at: number | null
  created_at: number
}

/** A multipart upload. Its parts are the objects `uploads/<id>/<number>`. */
export type UploadsTable = {
  id: string
  holder: string
  sha256: string
  size: number
  part_size: number
  touched_at: number
  completed_at: number | null
}
