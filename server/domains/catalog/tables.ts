import type { Gate, RepoType } from '../../kernel/repository.ts'

/**
 * The read model: one row a repository with all that lists show, sort and filter by. Written from events, never the
 * truth: it can be made again from the repositories.
 */
export type CatalogTables = {
  catalog: {
    repo_id: string
    type: RepoType
    namespace_id: string
    namespace: string
    name: string
    /** `namespace/name`, lower-case: what `search` and `author` look at. */
    search_name: string
    is_private: number
    gated: Gate | null
    created_at: number
    /** Of the last commit on the default branch. */
    modified_at: number
    /** Head of the default branch; null until the job after the first commit has run. */
    commit_id: string | null
    pipeline_tag: string | null
    library_name: string | null
    likes: number
    downloads: number
    trending: number
  }
  catalog_tags: {
    repo_id: string
    tag: string
    /** Lower-case: filters do not mind case. */
    tag_key: string
  }
  /** What `search` finds names by: see `suffixes.ts`. */
  catalog_suffixes: {
    suffix: string
    repo_id: string
  }
}
