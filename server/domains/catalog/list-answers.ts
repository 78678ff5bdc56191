import { LRUCache } from 'lru-cache'
import { type Listed, listPage, type Shape } from './list-page.ts'
import type { CatalogParts } from './parts.ts'
import type { Position } from './search-repos.ts'

export interface ListAnswer {
  /** JSON. */
  readonly text: string
  /** Where the next page begins; undefined at the end. */
  readonly next: Position | undefined
}

/** Memory for answers, in characters; longer ones are not kept. */
const keptLimit = 32 * 1024 * 1024
const answerLimit = 1024 * 1024

const tables = [
  'catalog',
  'catalog_tags',
  'catalog_suffixes',
  'catalog_terms',
  'catalog_texts',
  'catalog_links',
  'catalog_facts',
]

/**
 * Pages of lists as JSON text. A page is kept until any of the tables is written, by what was asked and by what the
 * asker may read, which together decide it: first pages and common searches are asked again and again.
 */
export function createListAnswers(
  parts: CatalogParts,
): (query: Listed, limit: number, shape: Shape) => Promise<ListAnswer> {
  // The same object for as long as nothing has been written.
  const state = parts.database.remember({ tables, max: 1, load: async () => ({}) })
  const kept = new LRUCache<string, ListAnswer & { readonly state: object }>({
    maxSize: keptLimit,
    maxEntrySize: answerLimit,
    sizeCalculation: ({ text }, key) => text.length + key.length,
  })
  return async (query, limit, shape) => {
    const key = JSON.stringify([query, limit, shape])
    const now = await state('')
    const known = kept.get(key)
    if (known?.state === now) return known
    const { lines, next } = await listPage(parts, query, limit, shape)
    const answer = { text: JSON.stringify(lines), next, state: now }
    kept.set(key, answer)
    return answer
  }
}
