import { z } from 'zod'
import { type Route, repoOf, route } from '../../http/route.ts'
import type { Actor, User } from '../../kernel/actor.ts'
import { type Repository, repoId, repoPath, repoTypes } from '../../kernel/repository.ts'
import { decodeBase64 } from './commit-body.ts'
import { createRepo } from './create-repo.ts'
import { deleteRepo } from './delete-repo.ts'
import { findRepo } from './find-repo.ts'
import type { RepoParts } from './parts.ts'
import { setVisibility } from './set-visibility.ts'

/** hub-protocol: create, delete, settings, auth-check. `name` is bare, or `ns/name` as old clients send it. */

const repoName = z.object({
  name: z.string().max(200),
  organization: z.string().max(100).nullish(),
  type: z.enum(repoTypes).nullish(),
})

const newRepo = repoName.extend({
  private: z.boolean().nullish(),
  visibility: z.enum(['public', 'private']).nullish(),
  license: z.string().max(100).nullish(),
  files: z
    .array(z.object({ path: z.string(), content: z.string(), encoding: z.literal('base64') }))
    .max(100)
    .nullish(),
})

const settings = z.object({
  private: z.boolean().nullish(),
  visibility: z.enum(['public', 'private']).nullish(),
  /** Nobody opens discussions or pull requests any more, or the hub itself does not. */
  discussionsDisabled: z.boolean().nullish(),
  hubDiscussionsDisabled: z.boolean().nullish(),
})

export function repoRoutes(parts: RepoParts): Route[] {
  return [
    route({
      method: 'POST',
      path: '/api/repos/create',
      grant: 'signed-in',
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
      method: 'PUT',
      path: '{api}/settings',
      grant: 'repo:settings',
      body: settings,
      async handle(call) {
        const repo = repoOf(call)
        const { isPrivate } = visibilityOf(call.body)
        if (isPrivate !== undefined) await setVisibility(parts, repo, isPrivate)
        const { discussionsDisabled: isClosed, hubDiscussionsDisabled: isClosedToHub } = call.body
        if (typeof isClosed === 'boolean' || typeof isClosedToHub === 'boolean') {
          await parts.configureDiscussions(repo, {
            ...(typeof isClosed === 'boolean' && { isClosed }),
            ...(typeof isClosedToHub === 'boolean' && { isClosedToHub }),
          })
        }
        return { private: isPrivate ?? repo.isPrivate }
      },
    }),
    route({ method: 'GET', path: '{api}/auth-check', grant: 'repo:read', handle: () => ({}) }),
    route({ method: 'GET', path: '{api}/auth-check/write', grant: 'repo:write', handle: () => ({}) }),
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
  if (body.license) files.set('README.md', Buffer.from(`---\nlicense: ${body.license}\n---\n`))
  for (const file of body.files ?? []) files.set(file.path, decodeBase64(file.path, file.content))
  return files
}
