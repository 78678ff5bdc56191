import type { Actor, Credential, OrganizationRole, User } from '../../kernel/actor.ts'
import { type Repository, repoId } from '../../kernel/repository.ts'
import { Forbidden, NotSignedIn, RepoHidden } from './errors.ts'

/** What each action is asked about. */
export interface Facts {
  'repo:read': { readonly repo: Repository }
  /** Open discussions and pull requests, comment, bring content for a pull request of one's own. */
  'repo:discuss': { readonly repo: Repository }
  /** Commits, branches, tags, uploads. */
  'repo:write': { readonly repo: Repository }
  /** Rename, move, visibility, delete. */
  'repo:settings': { readonly repo: Repository }
  'account:create-repo': { readonly account: { readonly id: string } }
  /** Images for comments. */
  'account:upload': { readonly account: { readonly id: string } }
}

export type Action = keyof Facts

export type Decision =
  | { readonly allowed: true }
  | { readonly allowed: false; readonly why: 'not-signed-in' | 'hidden' }
  | { readonly allowed: false; readonly why: 'forbidden'; readonly reason: string }

type Access = 'none' | 'read' | 'write'

const yes: Decision = { allowed: true }
const notSignedIn: Decision = { allowed: false, why: 'not-signed-in' }
const hidden: Decision = { allowed: false, why: 'hidden' }

/**
 * Whether `actor` may do `action`. Two questions, and the lesser answer counts: what may the user do in the
 * repository's namespace, and what does the credential that was shown let through?
 *
 * - A public repository is read by everyone, with any credential: a token's limits never take away what nobody at
 *   all needs.
 * - A private one is read by its owner, by every member of its organisation and by hub admins. For others it does not
 *   exist; so too for a fine-grained token without a scope for it, which its finder must not use to learn names.
 * - Who can read, and is somebody, may discuss; but a credential that only reads says nothing in its owner's name.
 * - Settings go with writing. Who may write can already replace every file and rewrite every branch, so to withhold
 *   rename, visibility and delete would protect nothing; and on the public hub an organisation's `write` role may do
 *   the same.
 * - Creating a repository needs `write` in the namespace, and of a fine-grained token a scope for the whole account.
 */
export function can<A extends Action>(actor: Actor, action: A, facts: Facts[A]): Decision {
  return 'repo' in facts ? onRepo(actor, action, facts.repo) : onAccount(actor, action, facts.account)
}

/** Does nothing when `can` says yes. Throws NotSignedIn, RepoHidden or Forbidden otherwise. */
export function demand<A extends Action>(actor: Actor, action: A, facts: Facts[A]): void {
  const decision = can(actor, action, facts)
  if (decision.allowed) return
  if (decision.why === 'hidden' && 'repo' in facts) throw new RepoHidden(facts.repo)
  throw decision.why === 'forbidden' ? new Forbidden(decision.reason) : new NotSignedIn()
}

function onRepo(actor: Actor, action: Action, repo: Repository): Decision {
  if (actor.kind === 'anonymous') {
    if (repo.isPrivate) return hidden
    return action === 'repo:read' ? yes : notSignedIn
  }
  const ofUser = accessOfUser(actor, repo.namespaceId)
  const ofCredential = accessOfCredential(actor.credential, repo.namespaceId, repo.id)
  if (repo.isPrivate && (ofUser === 'none' || ofCredential === 'none')) return hidden
  if (action === 'repo:read') return yes
  const verb = verbs[action]
  if (ofUser !== 'write' && action !== 'repo:discuss') return forbidden(`you may not ${verb} ${repoId(repo)}`)
  return ofCredential === 'write' ? yes : forbidden(limitOf(actor.credential, `${verb} ${repoId(repo)}`))
}

function onAccount(actor: Actor, action: Action, account: { readonly id: string }): Decision {
  if (actor.kind === 'anonymous') return notSignedIn
  const verb = verbs[action]
  if (accessOfUser(actor, account.id) !== 'write') return forbidden(`you may not ${verb}`)
  if (accessOfCredential(actor.credential, account.id) === 'write') return yes
  return forbidden(limitOf(actor.credential, verb))
}

const verbs: Record<Action, string> = {
  'repo:read': 'read',
  'repo:discuss': 'take part in discussions of',
  'repo:write': 'write to',
  'repo:settings': 'change the settings of',
  'account:create-repo': 'create repositories in this namespace',
  'account:upload': 'upload images',
}

function accessOfUser(user: User, namespaceId: string): Access {
  if (user.isAdmin || user.id === namespaceId) return 'write'
  const role = user.memberships.get(namespaceId)
  return role ? accessOfRole[role] : 'none'
}

const accessOfRole: Record<OrganizationRole, Access> = { admin: 'write', write: 'write', read: 'read' }

/** Without `repoId` only scopes for the whole account count. */
function accessOfCredential(credential: Credential, namespaceId: string, repoId?: string): Access {
  if (credential.kind === 'password') return 'write'
  if (credential.role !== 'fine-grained') return credential.role
  const fitting = credential.scopes.filter(({ target }) =>
    target.kind === 'account' ? target.id === namespaceId : target.id === repoId,
  )
  if (fitting.some(scope => scope.access === 'write')) return 'write'
  return fitting.length > 0 ? 'read' : 'none'
}

/** Why the credential stops a user who may do it. */
function limitOf(credential: Credential, deed: string): string {
  return credential.kind === 'token' && credential.role === 'read'
    ? `your token is read-only; a token of role "write" may ${deed}`
    : `the scopes of your fine-grained token do not let it ${deed}`
}

function forbidden(reason: string): Decision {
  return { allowed: false, why: 'forbidden', reason }
}
