import type { Gate, RepoType } from '../../kernel/repository.ts'

/** SQL tables of this domain. Booleans are 0 | 1, times milliseconds. */
export type RepoTables = {
  repos: {
    id: string
    type: RepoType
    namespace_id: string
    namespace: string
    name: string
    /** `type:namespace/name`, case-folded: one spelling of a name per type. */
    key: string
    is_private: number
    gated: Gate | null
    created_at: number
    updated_at: number
  }
  /** A name that a repository had before it was moved. The repository that has the name now comes first. */
  repo_redirects: {
    /** As in `repos`. */
    key: string
    repo_id: string
  }
  /** A ref points at an object; `commit_id` is the commit behind it (an annotated tag's target). */
  refs: {
    repo_id: string
    name: string
    oid: string
    commit_id: string
    updated_at: number
  }
  /**
   * The repository's objects, oldest pack first. Bytes: `repos/<repo id>/packs/<pack id>.pack` and `.idx`. A pack
   * counts, until it is retired, until gc begins to remove it, until it is removed (docs/decisions/0009).
   */
  packs: {
    repo_id: string
    pack_id: string
    bytes: number
    object_count: number
    created_at: number
    /** Since when it counts no more: it was merged into another one, its repository was deleted, or it never counted. */
    retired_at: number | null
    /** The run of gc that removes, or has removed, its bytes. */
    removal: string | null
    removed_at: number | null
  }
  /** Under which name, and by which ref, an LFS object first came to the repository. */
  lfs_files: {
    repo_id: string
    sha256: string
    path: string
    ref: string
  }
}
