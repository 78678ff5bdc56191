/** SQL tables of this domain. Booleans are 0 | 1, times milliseconds. Members are known by the id of their repository. */
export type LineageTables = {
  /** One row: counts changes of the tree, so that whoever works out a change learns that another one came first. */
  lineage_state: {
    id: number
    version: number
  }
  lineage_members: {
    repo_id: string
    /** Null: removed. Such a row stays, so that other processes learn of it. */
    sketch_key: string | null
    /** The commit whose card was read. */
    commit_id: string
    /** Its place among all: when its weights came to this hub, or at the origin, or before those that call it their base. */
    ordered_at: number
    /** Null: removed. */
    family_id: string | null
    /** The family's id if this is its first member: made of its own id, for good. */
    own_family: string
    /** Steps from a root. */
    generation: number
    is_private: number
    /** The repository is deleted; others descend from it. */
    is_gone: number
    /** `ns/name` of one that is gone. */
    name: string | null
    /** `candidate-code.ts`; null when removed. */
    code: Uint8Array | null
    /** The state's version when the index has to learn of it. */
    version: number
  }
  lineage_edges: {
    child_id: string
    parent_id: string
    /** The first parent is the nearest. */
    position: number
    relation: string
    score: number
    /** JSON: `Evidence`. */
    evidence: string
  }
  /** Relatives that are no parents: of each family that a member joins the nearest one. */
  lineage_links: {
    member_id: string
    other_id: string
  }
  lineage_declared: {
    repo_id: string
    position: number
    name: string
    /** Lower-case. */
    name_key: string
    relation: string | null
    /** JSON: where it is said. */
    sources: string
    /** The repository of that name; null while there is none. */
    base_id: string | null
    verdict: string
    reason: string
    nearest_id: string | null
    /** JSON: `Evidence`. */
    evidence: string | null
  }
  /** Families of more than one member that anyone may see. */
  lineage_families: {
    id: string
    members: number
  }
}
