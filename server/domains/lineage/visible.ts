import type { Actor } from '../../kernel/actor.ts'
import { type Repository, repoId } from '../../kernel/repository.ts'
import type { LineageParts } from './parts.ts'
import { findMembers } from './store.ts'

/** A model in an answer: by its name, or that there is one whose name is not for this actor. */
export type Shown =
  | { readonly id: string }
  | { readonly private: true }
  | { readonly id: string; readonly deleted: true }

/** What these models are called before somebody. Who may not read one learns that it is there, and no more. */
export async function showModels(
  { database, repos, policy }: Pick<LineageParts, 'database' | 'repos' | 'policy'>,
  actor: Actor,
  ids: Iterable<string>,
): Promise<(id: string) => Shown> {
  const all = [...new Set(ids)]
  const found = new Map<string, Repository>()
  for (let at = 0; at < all.length; at += 500)
    for (const repo of await repos.byId(all.slice(at, at + 500))) found.set(repo.id, repo)
  const gone = await findMembers(
    database.sql,
    all.filter(id => !found.has(id)),
  )
  return id => {
    const repo = found.get(id)
    if (repo)
      return policy.can(actor, 'repo:view', { repo }).allowed ? { id: repoId(repo) } : { private: true }
    const stub = gone.get(id)
    if (stub?.name && stub.is_private === 0) return { id: stub.name, deleted: true }
    return { private: true }
  }
}
