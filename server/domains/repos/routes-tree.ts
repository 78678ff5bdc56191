import { z } from 'zod'
import { treeEntries } from '../../../contract/repos.ts'
import { encodeCursor, linkNextPage, readPosition } from '../../http/pages.ts'
import { count, flag, list, text } from '../../http/query.ts'
import { type Route, repoOf, route } from '../../http/route.ts'
import { describePage } from './describe-entries.ts'
import type { RepoParts } from './parts.ts'
import { resolveRevision, splitRevision } from './resolve-revision.ts'
import { findPath, type WalkPosition } from './tree-listing.ts'
import { treePage } from './tree-pages.ts'

/** hub-protocol section 4: tree and paths-info. */

/** llama.cpp reads the first page only: it must hold any sane repository. */
const pageSize = 1000
/** With `expand` each entry costs a walk through history. */
const expandedPageSize = 50

export function treeRoutes(parts: RepoParts): Route[] {
  return [
    route({
      method: 'GET',
      path: '{api}/tree/*',
      grant: 'repo:view',
      about: {
        summary: 'Files and folders of a revision, or of a folder in it',
        tail: ['revision', 'path?'],
        answers: { 200: treeEntries },
      },
      query: z.object({ recursive: flag, expand: flag, limit: count, cursor: text }),
      async handle(call) {
        const repo = repoOf(call)
        const { revision, path } = await splitRevision(parts, repo, call.tail)
        const cursor = readCursor(call.query.cursor)
        const commitId = await resolveRevision(parts, repo, cursor?.commitId ?? revision)
        const expand = call.query.expand ?? false
        const recursive = call.query.recursive ?? false
        const listing = { commitId, path: path.replace(/\/$/, ''), recursive, expand }
        const limit = Math.min(call.query.limit ?? pageSize, expand ? expandedPageSize : pageSize)
        const page = await treePage(parts, repo, listing, cursor?.at ?? [], limit)
        // The next page reads the same commit, whatever the branch does meanwhile.
        linkNextPage(call, page.next && encodeCursor({ commitId, at: page.next }))
        return call.reply.type('application/json; charset=utf-8').send(page.json)
      },
    }),
    route({
      method: 'POST',
      path: '{api}/paths-info/*',
      grant: 'repo:view',
      about: {
        summary: 'What stands at these paths; missing ones are left out',
        tail: ['revision'],
        answers: { 200: treeEntries },
      },
      body: z.object({ paths: list, expand: flag }),
      bodyLimit: 8 * 1024 * 1024,
      async handle(call) {
        const repo = repoOf(call)
        const revision = decodeURIComponent(call.tail)
        const commitId = await resolveRevision(parts, repo, revision)
        const found = []
        for (const path of new Set(call.body.paths)) {
          const entry = await findPath(parts, repo, commitId, path.replace(/\/$/, ''))
          if (entry) found.push(entry)
        }
        return (await describePage(parts, repo, commitId, found, call.body.expand ?? false)).entries
      },
    }),
  ]
}

const position = z.object({
  commitId: z.string().regex(/^[0-9a-f]{40}$/),
  at: z.array(z.number().int().nonnegative()),
})

function readCursor(cursor: string | undefined): { commitId: string; at: WalkPosition } | undefined {
  return cursor === undefined ? undefined : readPosition(cursor, position)
}
