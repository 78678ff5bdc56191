import type { Actor, Credential, OrganizationRole, TokenScope, User } from '../../kernel/actor.ts'
import { type Repository, repoId } from '../../kernel/repository.ts'
import type { Admission } from './admission.ts'
import { Forbidden, GatedRepo, NotSignedIn, RepoHidden } from './errors.ts'

/** What each action is asked about. */
export interface Facts {
  /** That it exists, and what is said of it: card, lists of files and commits, counts. */
  'repo:view': { readonly repo: Repository }
  /** The content of its files. Past a gate only with `admission`: whoever forgets to ask for it lets nobody in. */
  'repo:read': { readonly repo: Repository; readonly admission?: Admission | undefined }
  /** What the actor does there in the own name: likes it, asks for access. */
  'repo:engage': { readonly repo: Repository }
  /** Open discussions and pull requests, comment, bring content for a pull request of one's own. */
  'repo:discuss': { readonly repo: Repository }
  /** Commits, branches, tags, uploads. */
  'repo:write': { readonly repo: Repository }
  /** Rename, move, visibility, delete. */
  'repo:settings': { readonly repo: Repository }
  'account:create-repo': { readonly account: { readonly id: string } }
  /** What is private to an account: its collections, what it stores. */
  'account:read': { readonly account: { readonly id: string } }
  /** What an account shows of itself: its collections, its likes, whom it follows. */
  'account:write': { readonly account: { readonly id: string } }
  /** One's own access tokens and webhooks: what goes on acting with all that the user may do. */
  'account:manage': { readonly account: { readonly id: string } }
  /** One's own password and browser sessions. */
  'account:secure': { readonly account: { readonly id: string } }
}

export type Action = keyof Facts

export type Decision =
  | { readonly allowed: true }
  | { readonly allowed: false; readonly why: 'not-signed-in' | 'hidden' }
  | { readonly allowed: false; readonly why: 'gated'; readonly admission: Admission }
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
 * - A gated repository shows itself like any other, but its files are read by those alone who may write to it or whose
 *   request was accepted; of a fine-grained token a scope must cover it, since not everybody may read it.
 * - Whoever sees a repository, and is somebody, may discuss it; but a credential that only reads says nothing in its owner's name.
 * - Settings go with writing. Who may write can already replace every file and rewrite every branch, so to withhold
 *   rename, visibility and delete would protect nothing; and on the public hub an organisation's `write` role may do
 *   the same.
 * - Discussions are for whoever may see the repository; of a token they ask for more than reading, on public ones too.
 * - Creating a repository needs `write` in the namespace, and of a fine-grained token a scope for the whole account; so
 *   does all else that is done in an account's name.
 * - Tokens and webhooks are managed by whoever shows all that the user has: a token that says less must not make one
 *   that says more, nor a webhook, which reads as its owner. Password and sessions are not for tokens at all: one that
 *   was found must not take the account.
 */
export function can<A extends Action>(actor: Actor, action: A, facts: Facts[A]): Decision {
  if ('account' in facts) return onAccount(actor, action as AccountAction, facts.account)
  return onRepo(actor, action, facts.repo, 'admission' in facts ? facts.admission : undefined)
}

/** Does nothing when `can` says yes. Throws NotSignedIn, RepoHidden, GatedRepo or Forbidden otherwise. */
export function demand<A extends Action>(actor: Actor, action: A, facts: Facts[A]): void {
  const decision = can(actor, action, facts)
  if (decision.allowed) return
  if (decision.why === 'hidden' && 'repo' in facts) throw new RepoHidden(facts.repo)
  if (decision.why === 'gated' && 'repo' in facts) throw new GatedRepo(facts.repo, decision.admission)
  throw decision.why === 'forbidden' ? new Forbidden(decision.reason) : new NotSignedIn()
}

function onRepo(actor: Actor, action: Action, repo: Repository, admission: Admission = 'none'): Decision {
  if (actor.kind === 'anonymous') {
    if (repo.isPrivate) return hidden
    if (action === 'repo:view') return yes
    if (action === 'repo:read') return repo.gated ? { allowed: false, why: 'gated', admission } : yes
    return notSignedIn
  }
  const ofUser = accessOfUser(actor, repo.namespaceId)
  const ofCredential = accessOfCredential(actor.credential, repo.namespaceId, repo.id)
  if (repo.isPrivate && (ofUser === 'none' || ofCredential === 'none')) return hidden
  if (action === 'repo:view') return yes
  if (action === 'repo:discuss') {
    if (ofCredential === 'discuss' || ofCredential === 'write') return yes
    return forbidden(limitOf(actor.credential, `take part in discussions of ${repoId(repo)}`))
  }
  if (action === 'repo:engage') return onAccount(actor, 'account:write', actor)
  if (action === 'repo:read') {
    if (!repo.gated) return yes
    if (ofUser !== 'write' && admission !== 'accepted') return { allowed: false, why: 'gated', admission }
    if (ofCredential !== 'none') return yes
    return forbidden(limitOf(actor.credential, `read ${repoId(repo)}, which is gated`))
  }
  const verb = action === 'repo:write' ? 'write to' : 'change the settings of'
  if (ofUser !== 'write') return forbidden(`you may not ${verb} ${repoId(repo)}`)
  return ofCredential === 'write' ? yes : forbidden(limitOf(actor.credential, `${verb} ${repoId(repo)}`))
}

type AccountAction = Extract<Action, `account:${string}`>
type KeyAction = 'account:manage' | 'account:secure'

const deedOf: Record<Exclude<AccountAction, KeyAction>, string> = {
  'account:create-repo': 'create repositories in this namespace',
  'account:read': 'see what is private to this account',
  'account:write': 'act in the name of this account',
}

function onAccount(actor: Actor, action: AccountAction, account: { readonly id: string }): Decision {
  if (actor.kind === 'anonymous') return notSignedIn
  if (action === 'account:manage' || action === 'account:secure') return onOwnKeys(actor, action, account)
  const isEnough = (access: Access) => access === 'write' || (action === 'account:read' && access !== 'none')
  if (!isEnough(accessOfUser(actor, account.id))) return forbidden(`you may not ${deedOf[action]}`)
  if (isEnough(accessOfCredential(actor.credential, account.id))) return yes
  return forbidden(limitOf(actor.credential, deedOf[action]))
}

function onOwnKeys({ id, credential }: User, action: KeyAction, account: { readonly id: string }): Decision {
  if (id !== account.id) return forbidden('this account is not yours')
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
