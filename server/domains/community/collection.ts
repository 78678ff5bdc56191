import { repoTypes } from '../../kernel/repository.ts'

/** Words about collections that all of this domain uses. */

export const itemTypes = [...repoTypes, 'collection'] as const
export type ItemType = (typeof itemTypes)[number]

/** @huggingface/hub `src/types/api/api-collection.ts`. */
export const collectionThemes = ['orange', 'blue', 'green', 'purple', 'pink', 'indigo'] as const
export type CollectionTheme = (typeof collectionThemes)[number]

export interface Collection {
  /** The last 24 digits of every slug that it ever had. */
  readonly id: string
  readonly ownerId: string
  readonly title: string
  readonly description: string | null
  readonly isPrivate: boolean
  readonly theme: CollectionTheme
  readonly position: number
  readonly updatedAt: number
}

/** `owner/title-in-words-<id>`: a new title changes the words, and the old slug goes on leading here. */
export function slugOf(owner: string, { id, title }: Pick<Collection, 'id' | 'title'>): string {
  const words = title
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[\u0300-\u036f]/g, '')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
  return `${owner}/${words === '' ? '' : `${words}-`}${id}`
}

/** The id in a slug, in its last segment, or alone; undefined when there is none. */
export function idOfSlug(slug: string): string | undefined {
  return /(?:^|[/-])([0-9a-f]{24})$/.exec(slug)?.[1]
}
