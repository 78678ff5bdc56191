import type { CollectionTheme, ItemType } from './collection.ts'

/** SQL tables of this domain. Booleans are 0 | 1, times milliseconds. */
export type CommunityTables = {
  likes: {
    user_id: string
    repo_id: string
    /** As the repository is now: a person's list shows public ones. */
    is_public: number
    created_at: number
  }
  /** Users follow users and organisations. */
  follows: {
    follower_id: string
    followed_id: string
    created_at: number
  }
  collections: {
    id: string
    owner_id: string
    title: string
    /** Title and description, lower-case: what `q` looks at. */
    search_text: string
    description: string | null
    is_private: number
    theme: CollectionTheme
    /** Among those of its owner. */
    position: number
    created_at: number
    updated_at: number
  }
  collection_items: {
    id: string
    collection_id: string
    type: ItemType
    /** Id of the repository or collection, which outlives its names. */
    item_id: string
    /** 0, 1, 2 … without gaps. */
    position: number
    note: string | null
    created_at: number
  }
}
