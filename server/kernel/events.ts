import type { Repository } from './repository.ts'

/**
 * What has happened. Emitted in the transaction of its cause and handled by jobs after it, so that no change is
 * without its consequences and no request waits for them. `compose.ts` lists who handles what.
 */
export interface HubEvents {
  /** Created, or its settings changed. */
  'repo-saved': { repo: Repository }
  'repo-deleted': { repoId: string }
  /** A ref moved, appeared (`before` undefined) or went away (`after` undefined). Commit ids, or tag object ids for tags. */
  'ref-moved': { repoId: string; ref: string; before?: string; after?: string }
  /** A repository has these LFS objects no more; with `rewriteHistory` their pointers are to go from its history too. */
  'lfs-files-deleted': { repoId: string; sha256s: readonly string[]; rewriteHistory: boolean }
  /** A shard claims that the file with this Xet hash has a certain sha256; nobody has read it yet. */
  'file-claimed': { fileHash: string }
}

export type EventName = keyof HubEvents
