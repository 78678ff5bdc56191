import { Readable } from 'node:stream'
import { z } from 'zod'
import { families, family, identified, modelLineage } from '../../../contract/lineage.ts'
import { readBody } from '../../http/body.ts'
import { encodeCursor, linkNextPage, readPosition } from '../../http/pages.ts'
import { count, index, text } from '../../http/query.ts'
import { type Call, type Route, repoOf, route } from '../../http/route.ts'
import { MalformedInput } from '../../kernel/errors.ts'
import { describeLineage } from './describe-lineage.ts'
import { exportLineage } from './export-lineage.ts'
import { createIdentify, identifyLimit } from './identify-sketch.ts'
import { describeFamily, listFamilies } from './list-families.ts'
import type { LineageParts } from './parts.ts'
import { relations } from './relations.ts'

const pageSize = 100
const mostOnPage = 1000
export const sketchType = 'application/vnd.banyan.sketch'

const familyQuery = z.object({ depth: index, relation: text, after: text, limit: count })
const familiesQuery = z.object({ sort: text, limit: count, cursor: text })
const memberPlace = z.object({ order: z.number(), id: z.string() })
const rankPlace = z.object({ value: z.number(), id: z.string() })

export function lineageRoutes(parts: LineageParts): Route[] {
  const identify = createIdentify(parts)
  return [
    route({
      method: 'GET',
      path: '{api}/lineage',
      grant: 'repo:view',
      about: {
        summary: 'Where a model came from, declared and by its weights',
        answers: { 200: modelLineage },
      },
      async handle(call) {
        const repo = repoOf(call)
        return await describeLineage(parts, call.actor, repo)
      },
    }),
    route({
      method: 'GET',
      path: '/api/families',
      grant: 'anyone',
      about: { summary: 'Families of models, ranked', answers: { 200: families } },
      query: familiesQuery,
      async handle(call) {
        const { sort = 'members', cursor, limit } = call.query
        if (sort !== 'members' && sort !== 'growth')
          throw new MalformedInput('sort', `"${sort}" is not one of members, growth`)
        const after = cursor === undefined ? undefined : readPosition(cursor, rankPlace)
        const page = await listFamilies(
          parts,
          call.actor,
          sort,
          after,
          Math.min(limit ?? pageSize, mostOnPage),
        )
        linkNextPage(call as Call, page.next && encodeCursor(page.next))
        return page.answer
      },
    }),
    route({
      method: 'GET',
      path: '/api/families/:family',
      grant: 'anyone',
      about: { summary: 'A family tree, a page of it', answers: { 200: family } },
      query: familyQuery,
      async handle({ actor, params, query }) {
        const { depth, relation, after, limit } = query
        if (relation !== undefined && !relations.includes(relation as never))
          throw new MalformedInput('relation', `"${relation}" is not one of ${relations.join(', ')}`)
        const { answer, next } = await describeFamily(parts, actor, String(params.family), {
          ...{ depth, relation, limit: Math.min(limit ?? pageSize, mostOnPage) },
          after: after === undefined ? undefined : readPosition(after, memberPlace),
        })
        return { ...answer, ...(next && { next: encodeCursor(next) }) }
      },
    }),
    route({
      method: 'GET',
      path: '/api/lineage/export',
      grant: 'anyone',
      about: {
        summary: 'The whole tree, a line of JSON for each model that the asker may read',
        answers: { 200: 'application/x-ndjson' },
      },
      handle: ({ actor, reply }) =>
        reply.type('application/x-ndjson').send(Readable.from(exportLineage(parts, actor))),
    }),
    route({
      method: 'POST',
      path: '/api/lineage/identify',
      grant: 'anyone',
      about: {
        summary: 'Which family a sketch belongs to; nothing is stored',
        answers: { 200: identified },
        takes: sketchType,
      },
      handle: ({ actor, stream }) => identify(actor, () => readBody(stream, identifyLimit)),
    }),
  ]
}
