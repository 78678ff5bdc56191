import { z } from 'zod'
import { nothing } from '../../../contract/parts.ts'
import { createdRepo, duplicatedRepo, repoSettings } from '../../../contract/repos.ts'
import { parseRepoId } from '../../formats/repo-name.ts'
import { type Route, repoOf, route } from '../../http/route.ts'
import type { Actor, User } from '../../kernel/actor.ts'
import { gates, type Repository, repoId, repoPath, repoTypes } from '../../kernel/repository.ts'
import { changeSettings } from './change-settings.ts'
import { decodeBase64 } from './commit-body.ts'
import { createRepo } from './create-repo.ts'
import { deleteRepo } from './delete-repo.ts'
import { duplicateRepo } from './duplicate-repo.ts'
import { findRepo } from './find-repo.ts'
import { moveRepo } from './move-repo.ts'
import type { RepoParts } from './parts.ts'

/** hub-protocol section 2: create, delete, move, settings, auth-check. `name` is bare, or `ns/name` as old clients send it. */

const repoName = z.object({
  name: z.string().max(200),
  organization: z.string().max(100).nullish(),
  type: z.enum(repoTypes).nullish(),
})

/** `protected` is of Spaces that run: their page is public and their files are not. */
const visibility = z.enum(['public', 'private'], {
  error: issue => `is ${JSON.stringify(issue.input)}; this hub offers "public" and "private"`,
})

const newRepo = repoName.extend({
  private: z.boolean().nullish(),
  visibility: visibility.nullish(),
  license: z.string().max(100).nullish(),
  sdk: z.enum(['static', 'gradio', 'docker', 'streamlit']).nullish(),
  files: z
    .array(z.object({ path: z.string(), content: z.string(), encoding: z.literal('base64') }))
    .max(100)
    .nullish(),
})

const settings = z.object({
  private: z.boolean().nullish(),
  visibility: visibility.nullish(),
  gated: z.union([z.literal(false), z.enum(gates)]).nullish(),
})

const duplicate = z.object({
  repository: z.string().max(200),
  private: z.boolean().nullish(),
  visibility: visibility.nullish(),
})

const move = z.object({
  fromRepo: z.string().max(200),
  toRepo: z.string().max(200),
  type: z.enum(repoTypes).nullish(),
})

export function repoRoutes(parts: RepoParts): Route[] {
  return [
    route({
      method: 'POST',
      path: '/api/repos/create',
      grant: 'signed-in',
      about: { summary: 'Make a repository', answers: { 200: createdRepo } },
      body: newRepo,
      bodyLimit: 16 * 1024 * 1024,
      async handle({ actor, body, origin }) {
        const repo = await createRepo(parts, actor as User, {
          type: body.type ?? 'model',
          ...splitName(actor, body),
          ...visibilityOf(body),
          files: initialFiles(body),
        })
        return presentCreated(repo, origin)
      },
    }),
    route({
      method: 'DELETE',
      path: '/api/repos/delete',
      grant: 'signed-in',
      about: { summary: 'Delete a repository and all that it holds', answers: { 200: null } },
      body: repoName,
      async handle({ actor, body, reply }) {
        const { namespace, name } = splitName(actor, body)
        const repo = await findRepo(parts, body.type ?? 'model', namespace, name)
        parts.policy.demand(actor, 'repo:settings', { repo })
        await deleteRepo(parts, repo)
        return reply.code(200).send()
      },
    }),
    route({
      method: 'POST',
      path: '/api/repos/move',
      grant: 'signed-in',
      about: { summary: 'Give a repository another name or owner', answers: { 200: createdRepo } },
      body: move,
      async handle({ actor, body, origin }) {
        const { namespace, name } = parseRepoId(body.fromRepo)
        const repo = await findRepo(parts, body.type ?? 'model', namespace, name)
        return presentCreated(await moveRepo(parts, actor as User, repo, body.toRepo), origin)
      },
    }),
    route({
      method: 'POST',
      path: '{api}/duplicate',
      // Of the place where it is to be created more is asked, below.
      grant: 'repo:read',
      about: {
        summary: 'Make a repository with the branches, tags and files of this one',
        answers: { 200: duplicatedRepo },
      },
      body: duplicate,
      async handle({ actor, repo, body, origin }) {
        const to = { to: body.repository, ...visibilityOf(body) }
        const made = await duplicateRepo(parts, actor as User, repo as Repository, to)
        return { ...presentCreated(made, origin), filesCopyPending: false }
      },
    }),
    route({
      method: 'PUT',
      path: '{api}/settings',
      grant: 'repo:settings',
      about: { summary: 'Change settings of a repository', answers: { 200: repoSettings } },
      body: settings,
      async handle(call) {
        const { gated } = call.body
        const change = { ...visibilityOf(call.body), ...(gated != null && { gated }) }
        const repo = await changeSettings(parts, repoOf(call), change)
        return { private: repo.isPrivate, gated: repo.gated }
      },
    }),
    route({
      method: 'GET',
      path: '{api}/auth-check',
      grant: 'repo:read',
      about: { summary: 'Whether the caller may read the repository', answers: { 200: nothing } },
      handle: () => ({}),
    }),
    route({
      method: 'GET',
      path: '{api}/auth-check/write',
      grant: 'repo:write',
      about: { summary: 'Whether the caller may write to the repository', answers: { 200: nothing } },
      handle: () => ({}),
    }),
  ]
}

function presentCreated(repo: Repository, origin: string): { url: string; id: string; name: string } {
  return { url: `${origin}${repoPath(repo)}`, id: repo.id, name: repoId(repo) }
}

function splitName(
  actor: Actor,
  body: { name: string; organization?: string | null | undefined },
): { namespace: string; name: string } {
  const slash = body.name.indexOf('/')
  if (slash >= 0) return { namespace: body.name.slice(0, slash), name: body.name.slice(slash + 1) }
  return { namespace: body.organization || (actor as User).name, name: body.name }
}

function visibilityOf(body: {
  private?: boolean | null | undefined
  visibility?: 'public' | 'private' | null | undefined
}): { isPrivate?: boolean } {
  if (body.visibility) return { isPrivate: body.visibility === 'private' }
  return typeof body.private === 'boolean' ? { isPrivate: body.private } : {}
}

/** A licence asked for at creation becomes a card that states it (@huggingface/hub `src/lib/create-repo.ts`). */
function initialFiles(body: z.infer<typeof newRepo>): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>()
  // A Space's card says how it is to be run; clients that edit it count on one being there.
  const card = [
    ...(body.type === 'space' ? [`title: ${JSON.stringify(body.name.split('/').at(-1))}`] : []),
    ...(body.sdk ? [`sdk: ${body.sdk}`] : []),
    ...(body.license ? [`license: ${body.license}`] : []),
  ]
  if (card.length > 0) files.set('README.md', Buffer.from(`---\n${card.join('\n')}\n---\n`))
  for (const file of body.files ?? []) files.set(file.path, decodeBase64(file.path, file.content))
  return files
}
