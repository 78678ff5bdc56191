import type { Repository } from './repository.ts'

/**
 * What has happened. Emitted in the transaction of its cause and handled by jobs after it, so that no change is
 * without its consequences and no request waits for them. `compose.ts` lists who handles what.
 */
export interface HubEvents {
  /** Created (`isNew`), moved (`movedFrom`, as it was), or its settings changed. */
  'repo-saved': { repo: Repository; isNew?: true; movedFrom?: Repository }
  /** `repo` as it was. */
  'repo-deleted': { repoId: string; repo: Repository }
  /** Somebody likes it, or no longer does. */
  'repo-liked': { repoId: string; change: 1 | -1 }
  /** A ref moved, appeared (`before` undefined) or went away (`after` undefined). Commit ids, or tag object ids for tags. */
  'ref-moved': { repoId: string; ref: string; before?: string; after?: string }
  /** What the weights of a model's default branch look like is known, or that it has none; its card may have changed too. */
  'model-sketched': { repoId: string }
  /** The family tree says something new of a model. */
  'model-placed': { repoId: string }
  /** A repository has these LFS objects no more; with `rewriteHistory` their pointers are to go from its history too. */
  'lfs-files-deleted': { repoId: string; sha256s: readonly string[]; rewriteHistory: boolean }
  /** A shard claims that the file with this Xet hash has a certain sha256; nobody has read it yet. */
  'file-claimed': { fileHash: string }
  /** A discussion or a pull request was opened or is not what it was. No user when the hub itself has done it. */
  'discussion-changed': { repoId: string; number: number; change: DiscussionChange; byUserId?: string }
  /** A payload waits to be sent to a webhook. */
  'delivery-due': { deliveryId: string }
}

export type DiscussionChange =
  | 'opened'
  | 'commented'
  | 'edited'
  | 'hidden'
  | 'retitled'
  | 'status'
  | 'merged'
  | 'committed'

export type EventName = keyof HubEvents
