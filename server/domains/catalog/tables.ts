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
    /** Values of its weights; 0 when unknown. */
    parameters: number
    /** Bytes of the files of the head. */
    main_size: number
    /** Bytes of its whole history. */
    used_storage: number
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
  /** What `search` finds cards and tags by: see `search-terms.ts`. */
  catalog_terms: {
    term: string
    repo_id: string
  }
  /** The same terms the other way round. */
  catalog_texts: {
    repo_id: string
    /** Each between two spaces. */
    terms: string
  }
  /** What a Space is made of, by its card: `model:ns/name`, `dataset:ns/name`, lower-case. */
  catalog_links: {
    repo_id: string
    target: string
  }
  /** What `describe-commit.ts` says of the head. */
  catalog_facts: {
    repo_id: string
    commit_id: string
    /** JSON: `CommitFacts`. */
    facts: string
    /** JSON: the paths of all files. */
    siblings: string
    /** Characters of both. */
    size: number
  }
}
