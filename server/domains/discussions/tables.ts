/** SQL tables of this domain. Booleans are 0 | 1, times milliseconds. */
export type DiscussionTables = {
  /** One row a repository that has ever had a discussion, or other settings than the usual ones. */
  discussion_boards: {
    repo_id: string
    /** Numbers are given once, to discussions and pull requests alike, from 1. */
    last_number: number
    /** Nobody opens anything. */
    is_closed: number
    /** The hub itself opens nothing. */
    is_closed_to_hub: number
  }
  discussions: {
    repo_id: string
    number: number
    title: string
    status: DiscussionStatus
    is_pull_request: number
    /** Null: the hub. */
    author_id: string | null
    created_at: number
    updated_at: number
    /** Full name of the branch that a pull request is to be merged into. */
    base: string | null
    /** Where the base was once it was merged, and what both stood on before. */
    merge_commit: string | null
    merge_base: string | null
    event_count: number
    /** Of all that its events hold, in bytes. */
    text_bytes: number
    /** What somebody who may not write to the repository has brought to it, in packs and files. */
    brought_bytes: number
    /** What the hub opened it for: it opens one about a thing. */
    hub_subject: string | null
  }
  discussion_events: {
    id: string
    repo_id: string
    number: number
    /** From 1 on. */
    position: number
    type: EventData['type']
    author_id: string | null
    created_at: number
    /** JSON of `EventData`, without its type. */
    data: string
  }
  /** Bytes: `images/<hash>`. */
  images: {
    id: string
    user_id: string
    content_type: string
    bytes: number
    created_at: number
  }
  /** Which events show an image. */
  image_uses: {
    image_id: string
    event_id: string
    repo_id: string
  }
}

export type DiscussionStatus = 'draft' | 'open' | 'closed' | 'merged'

/** What an event says, by its type. */
export type EventData =
  | ({ readonly type: 'comment' } & CommentData)
  | { readonly type: 'status-change'; readonly status: DiscussionStatus }
  | { readonly type: 'title-change'; readonly from: string; readonly to: string }
  | { readonly type: 'commit'; readonly subject: string; readonly oid: string }

export interface CommentData {
  /** Markdown. Empty when it is hidden. */
  readonly raw: string
  readonly isHidden: boolean
  readonly hiddenBy?: string
  /** Set once it has been edited. */
  readonly editedAt?: number
  /** What it said before, oldest first. */
  readonly history: readonly { readonly raw: string; readonly at: number }[]
}
