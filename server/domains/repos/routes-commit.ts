import { z } from 'zod'
import { cardCheck, madeCommit, uploadModes } from '../../../contract/repos.ts'
import { validateCard } from '../../formats/model-card.ts'
import { flag } from '../../http/query.ts'
import { type Call, type Route, repoOf, route } from '../../http/route.ts'
import type { User } from '../../kernel/actor.ts'
import { LimitExceeded } from '../../kernel/errors.ts'
import { repoPath, repoTypes } from '../../kernel/repository.ts'
import { type CommitTarget, demandCommit } from './demand-commit.ts'
import { makeCommit } from './make-commit.ts'
import type { RepoParts } from './parts.ts'
import { advisePreupload, type UploadAdvice } from './preupload.ts'
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
      // Committing to a branch asks for more, below.
      grant: 'repo:contribute',
      about: {
        summary: 'How files are to be uploaded: inside the commit, or as LFS files',
        tail: ['revision'],
        answers: { 200: uploadModes },
      },
      query: z.object({ create_pr: flag }),
      body: candidates,
      bodyLimit: 8 * 1024 * 1024,
      async handle(call) {
        const repo = repoOf(call)
        const target = targetOf(call)
        const { revision } = target
        const { room } = await demandCommit(parts, call.actor, repo, target)
        const commitId = await resolveRevision(parts, repo, revision)
        const files = await advisePreupload(parts, repo, commitId, {
          files: call.body.files.map(file => ({ ...file, sample: Buffer.from(file.sample ?? '', 'base64') })),
          gitIgnore: call.body.gitIgnore ?? undefined,
          gitAttributes: call.body.gitAttributes ?? undefined,
        })
        refuseTooMuch(call.body.files, files, room)
        return { files, commitOid: commitId }
      },
    }),
    route({
      method: 'POST',
      path: '{api}/commit/*',
      grant: 'repo:contribute',
      about: {
        summary: 'Make a commit',
        tail: ['revision'],
        takes: 'application/x-ndjson',
        answers: { 200: madeCommit },
      },
      query: z.object({ create_pr: flag }),
      async handle(call) {
        const repo = repoOf(call)
        const target = targetOf(call)
        await demandCommit(parts, call.actor, repo, target)
        const made = await makeCommit(parts, call.actor as User, repo, target, call.stream)
        const url = `${call.origin}${repoPath(repo)}`
        return {
          success: true,
          commitOid: made.commitId,
          commitUrl: `${url}/commit/${made.commitId}`,
          hookOutput: '',
          ...(made.pullRequest !== undefined && { pullRequestUrl: `${url}/discussions/${made.pullRequest}` }),
        }
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

function targetOf(call: Pick<Call<{ create_pr?: boolean | undefined }>, 'tail' | 'query'>): CommitTarget {
  return { revision: decodeURIComponent(call.tail), opensPullRequest: call.query.create_pr ?? false }
}

/** Told before anything is uploaded; the commit is held to it again. */
function refuseTooMuch(
  files: readonly { size: number }[],
  advice: readonly UploadAdvice[],
  room: number,
): void {
  const bytes = files.reduce((sum, file, at) => sum + (advice[at]?.shouldIgnore ? 0 : file.size), 0)
  if (bytes > room)
    throw new LimitExceeded('what you may still bring to this repository', room, 'bytes', bytes)
}
