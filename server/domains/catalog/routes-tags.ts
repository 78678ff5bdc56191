import { LRUCache } from 'lru-cache'
import { tagsByType } from '../../../contract/catalog.ts'
import { typeOfTag } from '../../formats/tag-type.ts'
import { type Route, route } from '../../http/route.ts'
import type { RepoType } from '../../kernel/repository.ts'
import type { CatalogParts } from './parts.ts'
import { publicTags } from './store-tags.ts'

/** hub-protocol section 3: which tags there are, for the filters of a search page. */

interface ListedTag {
  readonly id: string
  readonly label: string
  readonly type: string
}

/** How old the answer may be: to look at every tag takes longer than a request may. */
const keptMs = 60_000
/** Of one type, in their order: a page shows no more. */
const mostTags = 5000

export function tagRoutes({ database }: Pick<CatalogParts, 'database'>): Route[] {
  const kept = new LRUCache<RepoType, Record<string, ListedTag[]>>({
    max: 3,
    ttl: keptMs,
    fetchMethod: type => findTags(database.sql, type),
  })
  return (['model', 'dataset'] as const).map(type =>
    route({
      method: 'GET',
      path: `/api/${type}s-tags-by-type`,
      grant: 'anyone',
      about: { summary: `The tags of ${type}s, by what they name`, answers: { 200: tagsByType } },
      handle: () => kept.fetch(type),
    }),
  )
}

/** Only of public repositories. */
async function findTags(
  sql: CatalogParts['database']['sql'],
  repoType: RepoType,
): Promise<Record<string, ListedTag[]>> {
  const found: Record<string, ListedTag[]> = {}
  for (const id of await publicTags(sql, repoType)) {
    const { type, label } = typeOfTag(repoType, id)
    found[type] ??= []
    if (found[type].length < mostTags) found[type].push({ id, label, type })
  }
  return found
}
