import type { Actor, Credential, OrganizationRole, TokenScope, User } from '../../kernel/actor.ts'
import { type Repository, repoId } from '../../kernel/repository.ts'
import { Forbidden, NotSignedIn, RepoHidden } from './errors.ts'

/** What each action is asked about. */
export interface Facts {
  'repo:read': { readonly repo: Repository }
  /** Open and comment discussions and pull requests. */
  'repo:discuss': { readonly repo: Repository }
  /** Commits, branches, tags, uploads. */
  'repo:write': { readonly repo: Repository }
  /** Rename, move, visibility, delete. */
  'repo:settings': { readonly repo: Repository }
  'account:create-repo': { readonly account: { readonly id: string } }
  /** One's own access tokens and webhooks: what goes on acting with all that the user may do. */
  'account:manage': Nothing
  /** One's own password and browser sessions. */
  'account:secure': Nothing
}
type Nothing = Readonly<Record<string, never>>

export type Action = keyof Facts

export type Decision =
  | { readonly allowed: true }
  | { readonly allowed: false; readonly why: 'not-signed-in' | 'hidden' }
  | { readonly allowed: false; readonly why: 'forbidden'; readonly reason: string }

type Access = 'none' | TokenScope['access']

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
 * - Settings go with writing. Who may write can already replace every file and rewrite every branch, so to withhold
 *   rename, visibility and delete would protect nothing; and on the public hub an organisation's `write` role may do
 *   the same.
 * - Discussions are for whoever may read; of a token they ask for more than reading, on public repositories too.
 * - Creating a repository needs `write` in the namespace, and of a fine-grained token a scope for the whole account.
 * - Tokens and webhooks are managed by whoever shows all that the user has: a token that says less must not make one
 *   that says more, nor a webhook, which reads as its owner. Password and sessions are not for tokens at all: one that
 *   was found must not take the account.
 */
export function can<A extends Action>(actor: Actor, action: A, facts: Facts[A]): Decision {
  if ('repo' in facts) return onRepo(actor, action, facts.repo as Repository)
  if ('account' in facts) return createRepo(actor, facts.account as { id: string })
  return onOwnAccount(actor, action)
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
  if (action === 'repo:discuss') {
    if (ofCredential === 'discuss' || ofCredential === 'write') return yes
    return forbidden(limitOf(actor.credential, `take part in discussions of ${repoId(repo)}`))
  }
  const verb = action === 'repo:write' ? 'write to' : 'change the settings of'
  if (ofUser !== 'write') return forbidden(`you may not ${verb} ${repoId(repo)}`)
  return ofCredential === 'write' ? yes : forbidden(limitOf(actor.credential, `${verb} ${repoId(repo)}`))
}

function createRepo(actor: Actor, account: { readonly id: string }): Decision {
  if (actor.kind === 'anonymous') return notSignedIn
  if (accessOfUser(actor, account.id) !== 'write') {
    return forbidden('you may not create repositories in this namespace')
  }
  if (accessOfCredential(actor.credential, account.id) === 'write') return yes
  return forbidden(limitOf(actor.credential, 'create repositories in this namespace'))
}

function onOwnAccount(actor: Actor, action: Action): Decision {
  if (actor.kind === 'anonymous') return notSignedIn
  const { credential } = actor
  if (credential.kind !== 'token') return yes
  if (action === 'account:secure') return forbidden('sign in with your password: no token may do this')
  return credential.role === 'write'
    ? yes
    : forbidden('this takes a token of role "write", or your password: it acts with all that you may do')
}

function accessOfUser(user: User, namespaceId: string): Access {
  if (user.isAdmin || user.id === namespaceId) return 'write'
  const role = user.memberships.get(namespaceId)
  return role ? accessOfRole[role] : 'none'
}

const accessOfRole: Record<OrganizationRole, Access> = { admin: 'write', write: 'write', read: 'read' }

/** Without `repoId` only scopes for the whole account count. */
function accessOfCredential(credential: Credential, namespaceId: string, repoId?: string): Access {
  if (credential.kind !== 'token') return 'write'
  if (credential.role !== 'fine-grained') return credential.role
  const fitting = credential.scopes.filter(({ target }) =>
    target.kind === 'account' ? target.id === namespaceId : target.id === repoId,
  )
  const highest = (['write', 'discuss', 'read'] as const).find(access =>
    fitting.some(scope => scope.access === access),
  )
  return highest ?? 'none'
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
