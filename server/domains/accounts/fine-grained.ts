import { z } from 'zod'
import { parseRepoId, uniqueNameKey } from '../../formats/repo-name.ts'
import type { Actor, TokenScope } from '../../kernel/actor.ts'
import { RepoNotFound } from '../../kernel/errors.ts'
import { repoId } from '../../kernel/repository.ts'
import { AccountNotFound } from './errors.ts'
import type { AccountParts } from './parts.ts'
import { accountByName, accountsById } from './store.ts'

/**
 * The scopes of a token as the public hub spells them in `auth.accessToken.fineGrained` of whoami-v2: what the token
 * reaches, and words for what it may do there. Read in the same form that they are shown in.
 */
const permissions: Readonly<Record<TokenScope['access'], readonly string[]>> = {
  read: ['repo.content.read'],
  discuss: ['repo.content.read', 'discussion.write'],
  write: ['repo.content.read', 'discussion.write', 'repo.write'],
}

export const fineGrainedShape = z.object({
  scoped: z
    .array(
      z.object({
        entity: z.object({
          type: z.enum(['model', 'dataset', 'space', 'user', 'org']),
          name: z.string().max(200),
        }),
        permissions: z.array(z.enum(['repo.content.read', 'discussion.write', 'repo.write'])).min(1),
      }),
    )
    .min(1)
    .max(100),
})

/** Throws RepoNotFound, AccountNotFound, MalformedInput. */
export async function readScopes(
  { database, repos }: AccountParts,
  actor: Actor,
  { scoped }: z.infer<typeof fineGrainedShape>,
): Promise<TokenScope[]> {
  return await Promise.all(
    scoped.map(async ({ entity: { type, name }, permissions: given }) => {
      const access = given.includes('repo.write')
        ? 'write'
        : given.includes('discussion.write')
          ? 'discuss'
          : 'read'
      if (type === 'user' || type === 'org') {
        const account = await accountByName(database.sql, uniqueNameKey(name))
        if (!account) throw new AccountNotFound('user or organization', name)
        return { target: { kind: 'account', id: account.id }, access } as const
      }
      const named = parseRepoId(name)
      const repo = await repos.find(actor, type, named.namespace, named.name)
      if (!repo) throw new RepoNotFound(name)
      return { target: { kind: 'repository', id: repo.id }, access } as const
    }),
  )
}

/** What the actor may not see, or what is gone, is left out. */
export async function presentScopes(
  { database, repos }: AccountParts,
  actor: Actor,
  scopes: readonly TokenScope[],
): Promise<(scopes: readonly TokenScope[]) => object> {
  const idsOf = (kind: TokenScope['target']['kind']) =>
    scopes.filter(({ target }) => target.kind === kind).map(({ target }) => target.id)
  const [accounts, repositories] = await Promise.all([
    accountsById(database.sql, idsOf('account')),
    repos.byId(actor, idsOf('repository')),
  ])
  const entities = new Map<string, { _id: string; type: string; name: string }>([
    ...accounts.map(
      ({ id, kind, name }) => [id, { _id: id, type: kind === 'user' ? 'user' : 'org', name }] as const,
    ),
    ...repositories.map(repo => [repo.id, { _id: repo.id, type: repo.type, name: repoId(repo) }] as const),
  ])
  return shown => ({
    canReadGatedRepos: true,
    global: [],
    scoped: shown.flatMap(({ target, access }) => {
      const entity = entities.get(target.id)
      return entity ? [{ entity, permissions: permissions[access] }] : []
    }),
  })
}
