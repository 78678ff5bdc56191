import { z } from 'zod'
import { cardCheck, madeCommit, uploadModes } from '../../../contract/repos.ts'
import { validateCard } from '../../formats/model-card.ts'
import { flag } from '../../http/query.ts'
import { type Route, repoOf, route } from '../../http/route.ts'
import type { User } from '../../kernel/actor.ts'
import { repoPath, repoTypes } from '../../kernel/repository.ts'
import { InvalidOperation } from './errors.ts'
import { makeCommit } from './make-commit.ts'
import type { RepoParts } from './parts.ts'
import { advisePreupload } from './preupload.ts'
import { resolveRevision } from './resolve-revision.ts'

/** hub-protocol section 6: preupload, commit, validate-yaml. */

const candidates = z.object({
  files: z
    .array(
      z.object({
        path: z.string(),
        size: z.number().int().nonnegative(),
        sample: z.string().max(2048).optional(),
      }),
    )
    .max(1000),
  gitIgnore: z
    .string()
    .max(1024 * 1024)
    .nullish(),
  gitAttributes: z
    .string()
    .max(1024 * 1024)
    .nullish(),
})

export function commitRoutes(parts: RepoParts): Route[] {
  return [
    route({
      method: 'POST',
      path: '{api}/preupload/*',
      grant: 'repo:write',
      about: {
        summary: 'How files are to be uploaded: inside the commit, or as LFS files',
        tail: ['revision'],
        answers: { 200: uploadModes },
      },
      query: z.object({ create_pr: flag }),
      body: candidates,
      bodyLimit: 8 * 1024 * 1024,
      async handle(call) {
        refusePullRequest(call.query.create_pr)
        const repo = repoOf(call)
        const revision = decodeURIComponent(call.tail)
        const commitId = await resolveRevision(parts, repo, revision)
        const files = await advisePreupload(parts, repo, commitId, {
          files: call.body.files.map(file => ({ ...file, sample: Buffer.from(file.sample ?? '', 'base64') })),
          gitIgnore: call.body.gitIgnore ?? undefined,
          gitAttributes: call.body.gitAttributes ?? undefined,
        })
        return { files, commitOid: commitId }
      },
    }),
    route({
      method: 'POST',
      path: '{api}/commit/*',
      grant: 'repo:write',
      about: {
        summary: 'Make a commit',
        tail: ['revision'],
        takes: 'application/x-ndjson',
        answers: { 200: madeCommit },
      },
      query: z.object({ create_pr: flag }),
      async handle(call) {
        refusePullRequest(call.query.create_pr)
        const repo = repoOf(call)
        const revision = decodeURIComponent(call.tail)
        const commitOid = await makeCommit(parts, call.actor as User, repo, revision, call.stream)
        const commitUrl = `${call.origin}${repoPath(repo)}/commit/${commitOid}`
        return { success: true, commitOid, commitUrl, hookOutput: '' }
      },
    }),
    route({
      method: 'POST',
      path: '/api/validate-yaml',
      grant: 'anyone',
      about: {
        summary: 'Check the metadata of a card; errors are answered with 400',
        answers: { 200: cardCheck },
      },
      body: z.object({ content: z.string(), repoType: z.enum(repoTypes).nullish() }),
      bodyLimit: 8 * 1024 * 1024,
      handle({ body, request, reply }) {
        const { errors, warnings } = validateCard(body.content, body.repoType ?? 'model')
        reply.code(errors.length > 0 ? 400 : 200)
        // What huggingface_hub `repocard.py:RepoCard.validate` shows to its user.
        if (!request.headers.accept?.startsWith('text/plain')) return reply.send({ errors, warnings })
        const lines = [
          ...errors.map(({ message }) => `- Error: ${message}`),
          ...warnings.map(({ message }) => `- Warning: ${message}`),
        ]
        return reply.type('text/plain; charset=utf-8').send(lines.join('\n'))
      },
    }),
  ]
}

function refusePullRequest(wanted: boolean | undefined): void {
  if (wanted)
    throw new InvalidOperation('This hub does not take pull requests yet; commit to a branch instead')
}
