import { z } from 'zod'
import { repoInfo, repoList } from '../../../contract/catalog.ts'
import { encodeCursor, linkNextPage, readPosition } from '../../http/pages.ts'
import { count, flag, list, text } from '../../http/query.ts'
import { type Call, type Route, repoOf, route } from '../../http/route.ts'
import { MalformedInput } from '../../kernel/errors.ts'
import { type Repository, repoTypes } from '../../kernel/repository.ts'
import type { CatalogParts } from './parts.ts'
import { checkExpand, listed, listedInFull, pick } from './present.ts'
import { createRepoInfo } from './repo-info.ts'
import { type CatalogRow, tagsOf } from './store.ts'
import { type ListQuery, listRepos, sortColumns } from './store-list.ts'

/** hub-protocol section 3: repository info, lists, search. */

const infoQuery = z.object({ blobs: flag, securityStatus: flag, expand: list })

const listQuery = z.object({
  author: text,
  search: list,
  filter: list,
  pipeline_tag: text,
  sort: text,
  direction: text,
  limit: count,
  full: flag,
  cardData: flag,
  config: flag,
  expand: list,
  cursor: text,
})

const pageSize = 1000
/** Lines that need their repository's files cost a read each. */
const fullPageSize = 100

export function catalogRoutes(parts: CatalogParts): Route[] {
  const info = createRepoInfo(parts)
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
    ...repoTypes.map(type =>
      route({
        method: 'GET',
        path: `/api/${type}s`,
        grant: 'anyone',
        about: { summary: `List and search ${type}s`, answers: { 200: repoList } },
        query: listQuery,
        handle: call => listPage(parts, call, type),
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

async function listPage(
  parts: CatalogParts,
  call: Call<z.infer<typeof listQuery>>,
  type: Repository['type'],
) {
  const { query } = call
  const asked = checkExpand(type, query.expand)
  const needsFiles = [...asked].some(property => !(property in listedShape))
  const inFull = needsFiles || query.full || query.cardData || query.config
  const limit = Math.min(query.limit ?? pageSize, inFull ? fullPageSize : pageSize)
  const sort = sortOf(query.sort)
  const rows = await listRepos(parts.database.sql, {
    type,
    author: query.author,
    words: termsOf('search', query.search, /\s+/),
    tags: termsOf('filter', query.filter, ','),
    pipelineTag: query.pipeline_tag,
    reach: parts.policy.privateReach(call.actor),
    sort,
    descending: query.direction !== '1',
    after: readCursor(query.cursor),
    limit: limit + 1,
  })
  const page = rows.slice(0, limit)
  const last = page.at(-1)
  linkNextPage(call, rows.length > limit && last ? cursorOf(last, sort) : undefined)
  if (inFull) {
    const lines = []
    for (const row of page) {
      const line = await listedInFull(parts.repos, row)
      if (line) lines.push(line)
    }
    return asked.length > 0
      ? lines.map(line => ({ _id: line._id, id: line.id, ...pick(line, asked) }))
      : lines
  }
  const tags = await tagsOf(
    parts.database.sql,
    page.map(row => row.repo_id),
  )
  const lines = page.map(row => listed(row, tags.get(row.repo_id) ?? []))
  return asked.length > 0 ? lines.map(line => ({ _id: line._id, id: line.id, ...pick(line, asked) })) : lines
}

/** Properties that a list has without reading files. */
const listedShape = {
  author: 1,
  sha: 1,
  lastModified: 1,
  createdAt: 1,
  private: 1,
  gated: 1,
  disabled: 1,
  likes: 1,
  trendingScore: 1,
  tags: 1,
  downloads: 1,
  pipeline_tag: 1,
  library_name: 1,
}

/** Each costs a condition, and databases take only so many. */
const termLimit = 50

function termsOf(key: string, values: readonly string[], separator: RegExp | string): string[] {
  const terms = new Set(values.flatMap(value => value.split(separator)).filter(term => term !== ''))
  if (terms.size > termLimit)
    throw new MalformedInput(key, `asks for ${terms.size} terms; at most ${termLimit} are searched for`)
  return [...terms]
}

function sortOf(asked: string | undefined): ListQuery['sort'] {
  if (asked === undefined) return 'lastModified'
  if (Object.hasOwn(sortColumns, asked)) return asked as ListQuery['sort']
  throw new MalformedInput('sort', `"${asked}" is not one of ${Object.keys(sortColumns).join(', ')}`)
}

function cursorOf(row: CatalogRow, sort: ListQuery['sort']): string {
  return encodeCursor({ value: row[sortColumns[sort]], id: row.repo_id })
}

function readCursor(cursor: string | undefined): ListQuery['after'] {
  if (cursor === undefined) return undefined
  const shape = z.object({ value: z.union([z.number(), z.string()]), id: z.string() })
  return readPosition(cursor, shape)
}
