import { z } from 'zod'
import { lfsFiles, sharedLfsFiles } from '../../../contract/repos.ts'
import { encodeCursor, linkNextPage, readPosition } from '../../http/pages.ts'
import { count, text } from '../../http/query.ts'
import { type Route, repoOf, route } from '../../http/route.ts'
import { repoTypes } from '../../kernel/repository.ts'
import { deleteLfsFiles } from './delete-lfs-files.ts'
import type { RepoParts } from './parts.ts'
import { shareLfsFiles } from './share-lfs-files.ts'
import { lfsFilesNamed } from './store-lfs-files.ts'

const pageSize = 1000

const hash = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hex digits')

const deletions = z.object({
  deletions: z.object({ sha: z.array(hash).max(1000), rewriteHistory: z.boolean().default(true) }),
})

const copies = z.object({
  target: z.object({ type: z.enum(repoTypes), name: z.string().max(200) }),
  files: z.array(z.object({ xetHash: hash, sha256: hash, filename: z.string().max(4096) })).max(1000),
})

/** hub-protocol section 2: what a repository keeps in LFS, deleting it for good, giving it to another repository. */
export function lfsFileRoutes(parts: RepoParts): Route[] {
  return [
    route({
      method: 'GET',
      path: '{api}/lfs-files',
      grant: 'repo:write',
      about: { summary: 'Large files that any commit refers to', answers: { 200: lfsFiles } },
      query: z.object({ limit: count, cursor: text }),
      async handle(call) {
        const { id } = repoOf(call)
        const { cursor } = call.query
        const limit = Math.min(call.query.limit ?? pageSize, pageSize)
        const last = cursor === undefined ? '' : readPosition(cursor, hash)
        const found = await parts.blobs.committed(id, last, limit + 1)
        const page = found.slice(0, limit)
        linkNextPage(call, found.length > limit ? encodeCursor(page.at(-1)?.sha256) : undefined)
        const sha256s = page.map(file => file.sha256)
        const names = await lfsFilesNamed(parts.database.sql, id, sha256s)
        return page.map(({ sha256, size, committedAt }) => ({
          fileOid: sha256,
          oid: sha256,
          size,
          pushedAt: new Date(committedAt).toISOString(),
          // Clients want a name for each.
          filename: names.get(sha256)?.path ?? sha256,
          ref: names.get(sha256)?.ref ?? null,
        }))
      },
    }),
    route({
      method: 'POST',
      path: '{api}/lfs-files/batch',
      grant: 'repo:settings',
      about: { summary: 'Delete large files for good, out of history too', answers: { 200: null } },
      body: deletions,
      async handle(call) {
        const { sha, rewriteHistory } = call.body.deletions
        await deleteLfsFiles(parts, repoOf(call), sha, rewriteHistory)
        return call.reply.code(200).send()
      },
    }),
    route({
      method: 'POST',
      path: '{api}/lfs-files/duplicate',
      // Of the target more is asked, below.
      grant: 'repo:read',
      about: {
        summary: 'Let another repository have large files of this one, without moving bytes',
        answers: { 200: sharedLfsFiles },
      },
      body: copies,
      bodyLimit: 8 * 1024 * 1024,
      async handle(call) {
        const { target, files } = call.body
        const failed = await shareLfsFiles(parts, call.actor, repoOf(call), target, files)
        return { failed: failed.map(sha256 => ({ sha256, error: 'The source repository has no such file' })) }
      },
    }),
  ]
}
