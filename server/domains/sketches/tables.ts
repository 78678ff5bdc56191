/** SQL tables of this domain. Times are milliseconds. */
export type SketchTables = {
  /** One row for each distinct content, whichever repositories have it. */
  sketches: {
    /** See `content-key.ts`; the bytes are the object `sketches/<key>`. */
    key: string
    format: string
    parameters: number
    tokenizer_hash: string | null
    /** JSON: `Finding[]` of what was malformed or unsafe. */
    findings: string
    /** JSON: `FileClaim[]`. */
    claims: string
    bytes: number
    created_at: number
  }
  /** What is known of the default branch of a repository. */
  model_heads: {
    repo_id: string
    /** When it moved last. */
    moved_at: number
    status: HeadStatus
    /** The commit that the status is about; null before the first. */
    commit_id: string | null
    sketch_key: string | null
    /** Since when these weights are here; null without any. */
    arrived_at: number | null
    /** JSON: `Finding[]` where nothing could be read. */
    findings: string | null
  }
}

/** `waiting` for a job, `done`, or why there is no sketch. */
type HeadStatus = 'waiting' | 'done' | 'no-weights' | 'unreadable'
