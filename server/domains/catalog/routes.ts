import { z } from 'zod'
import { repoInfo, repoList, safetensorsMetadata, spaceRuntime } from '../../../contract/catalog.ts'
import { encodeCursor, linkNextPage, readPosition } from '../../http/pages.ts'
import { count, flag, list, text } from '../../http/query.ts'
import { type Call, type Route, repoOf, route } from '../../http/route.ts'
import { MalformedInput } from '../../kernel/errors.ts'
import { type Repository, repoTypes } from '../../kernel/repository.ts'
import { tagsOfApps } from './apps.ts'
import { createListAnswers } from './list-answers.ts'
import type { Shape } from './list-page.ts'
import { parseCountRange } from './parse-count.ts'
import type { CatalogParts } from './parts.ts'
import { checkExpand, notRunning } from './present.ts'
import { createRepoInfo } from './repo-info.ts'
import { describeShards } from './safetensors-metadata.ts'
import type { Position } from './search-repos.ts'
import { type ListQuery, sortColumns } from './store-list.ts'

/** hub-protocol section 3: repository info, lists, search. */

const infoQuery = z.object({ blobs: flag, securityStatus: flag, expand: list })

const listQuery = z.object({
  author: text,
  search: list,
  filter: list,
  pipeline_tag: text,
  apps: list,
  gated: flag,
  inference: text,
  inference_provider: list,
  num_parameters: text,
  models: list,
  datasets: list,
  linked: flag,
  sort: text,
  direction: text,
  limit: count,
  full: flag,
  cardData: flag,
  config: flag,
  expand: list,
  cursor: text,
})
type AskedList = z.infer<typeof listQuery>

const pageSize = 1000
/** Lines that tell all of a repository are long. */
const fullPageSize = 100

export function catalogRoutes(parts: CatalogParts): Route[] {
  const info = createRepoInfo(parts)
  const answers = createListAnswers(parts)
  return [
    route({
      method: 'GET',
      path: '{api}',
      grant: 'repo:view',
      about: { summary: 'What is known of a repository', answers: { 200: repoInfo } },
      query: infoQuery,
      handle: call => sendInfo(info, call, 'HEAD'),
    }),
    route({
      method: 'GET',
      path: '{api}/revision/*',
      grant: 'repo:view',
      about: {
        summary: 'What is known of a repository at a revision',
        tail: ['revision'],
        answers: { 200: repoInfo },
      },
      query: infoQuery,
      handle: call => sendInfo(info, call, decodeURIComponent(call.tail)),
    }),
    route({
      method: 'GET',
      path: '{api}/safetensors-metadata/*',
      grant: 'repo:read',
      about: {
        summary: 'The headers of all shards that an index names',
        tail: ['path'],
        answers: { 200: safetensorsMetadata },
      },
      handle: call => describeShards(parts.repos, repoOf(call), decodeURIComponent(call.tail)),
    }),
    route({
      method: 'GET',
      path: '{api}/runtime',
      grant: 'repo:view',
      about: { summary: 'Whether a Space runs', answers: { 200: spaceRuntime } },
      handle(call) {
        if (repoOf(call).type === 'space') return notRunning
        throw new MalformedInput('runtime', 'is asked of a space; this repository is none')
      },
    }),
    ...repoTypes.map(type =>
      route({
        method: 'GET',
        path: `/api/${type}s`,
        grant: 'anyone',
        about: { summary: `List and search ${type}s`, answers: { 200: repoList } },
        query: listQuery,
        handle: call => sendList(parts, answers, call, type),
      }),
    ),
  ]
}

async function sendInfo(
  info: ReturnType<typeof createRepoInfo>,
  call: Call<z.infer<typeof infoQuery>>,
  revision: string,
) {
  const text = await info(repoOf(call), revision, call.query)
  return call.reply.type('application/json; charset=utf-8').send(text)
}

async function sendList(
  { policy }: CatalogParts,
  answers: ReturnType<typeof createListAnswers>,
  call: Call<AskedList>,
  type: Repository['type'],
) {
  const { query } = call
  const expand = checkExpand(type, query.expand)
  const shape = { expand, extra: extraOf(query, type) }
  const isLong = expand.length > 0 || shape.extra.length > 0
  const limit = Math.min(query.limit ?? pageSize, isLong ? fullPageSize : pageSize)
  const asked = {
    type,
    author: query.author,
    words: termsOf('search', query.search, /\s+/),
    tags: termsOf('filter', query.filter, ','),
    anyTag: termsOf('apps', tagsOfApps(query.apps), ','),
    links: termsOf('models and datasets', linksOf(query), ','),
    pipelineTag: query.pipeline_tag,
    isGated: query.gated,
    parameters: query.num_parameters === undefined ? undefined : parseCountRange(query.num_parameters),
    reach: policy.privateReach(call.actor),
    sort: sortOf(query),
    descending: query.direction !== '1',
    after: readCursor(query.cursor),
  }
  // No provider serves a model of this hub.
  if (query.inference !== undefined || query.inference_provider.length > 0) return []
  const { text, next } = await answers(asked, limit, shape)
  linkNextPage(call, next && encodeCursor(next))
  return call.reply.type('application/json; charset=utf-8').send(text)
}

/** What `full` and its like add to each line. */
function extraOf(query: AskedList, type: Repository['type']): Shape['extra'] {
  const { full, cardData, config, linked } = query
  return [
    ...(full ? ['siblings'] : []),
    ...(cardData || (full && type !== 'model') ? ['cardData'] : []),
    ...(full && type === 'dataset' ? ['description', 'citation', 'paperswithcode_id'] : []),
    ...(full && type === 'space' ? ['sdk'] : []),
    ...(config && type === 'model' ? ['config'] : []),
    // What was asked for by them is told why it was found.
    ...(type === 'space' && (linked || query.models.length > 0) ? ['models'] : []),
    ...(type === 'space' && (linked || query.datasets.length > 0) ? ['datasets'] : []),
  ]
}

/** As `catalog_links` holds them. */
function linksOf({ models, datasets }: AskedList): string[] {
  const links = (kind: string, names: readonly string[]) =>
    names.flatMap(name => name.split(',')).map(name => (name === '' ? '' : `${kind}:${name}`))
  return [...links('model', models), ...links('dataset', datasets)]
}

/** Each costs a condition, and databases take only so many. */
const termLimit = 50

function termsOf(key: string, values: readonly string[], separator: RegExp | string): string[] {
  const terms = new Set(values.flatMap(value => value.split(separator)).filter(term => term !== ''))
  if (terms.size > termLimit)
    throw new MalformedInput(key, `asks for ${terms.size} terms; at most ${termLimit} are searched for`)
  return [...terms]
}

/** Without an order of its own, a search has what is downloaded most first, and a list what is new. */
function sortOf({ sort, search }: AskedList): ListQuery['sort'] {
  if (sort === undefined) return search.some(word => word.trim() !== '') ? 'downloads' : 'lastModified'
  if (Object.hasOwn(sortColumns, sort)) return sort as ListQuery['sort']
  throw new MalformedInput('sort', `"${sort}" is not one of ${Object.keys(sortColumns).join(', ')}`)
}

const position = z.object({
  place: z.enum(['name', 'text']),
  value: z.union([z.number(), z.string()]),
  id: z.string(),
})

function readCursor(cursor: string | undefined): Position | undefined {
  return cursor === undefined ? undefined : readPosition(cursor, position)
}
