import * as accounts from '../domains/accounts/index.ts'
import * as blobs from '../domains/blobs/index.ts'
import * as community from '../domains/community/index.ts'
import * as discussions from '../domains/discussions/index.ts'
import * as gates from '../domains/gates/index.ts'
import * as lineage from '../domains/lineage/index.ts'
import * as policy from '../domains/policy/index.ts'
import * as repos from '../domains/repos/index.ts'
import * as webhooks from '../domains/webhooks/index.ts'
import * as weights from '../domains/weights/index.ts'
import type { Actor } from '../kernel/actor.ts'
import { HubBusy, HubError, LimitExceeded, MalformedInput, RepoNotFound } from '../kernel/errors.ts'
import { repoId, repoPath } from '../kernel/repository.ts'
import { StorageFault, StoreFull, storageFault } from '../kernel/storage-faults.ts'
import { ObjectMissing, ObjectShort } from '../ports/objects.ts'
import { SenderTooSlow } from './body.ts'
import { SignedUrlRefused } from './doors.ts'
import { ForeignPage } from './own-pages.ts'
import { TooManyRequests } from './rate-limits.ts'
import { NotReady } from './routes-system.ts'

/** There is nothing at this path. */
export class RouteNotFound extends HubError {
  constructor(method: string, path: string) {
    super(`Nothing here answers ${method} ${path}`)
  }
}

export interface ErrorAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** `error` is what clients read, with what else a refusal carries. */
  readonly body: { readonly error: string }
}

interface Rule<E> {
  readonly status: number | ((error: E, asker: Asker) => number)
  /** X-Error-Code: the only way to a typed exception of huggingface_hub on plain http (`utils/_http.py`). */
  readonly code?: string
  readonly message?: (error: E, asker: Asker) => string
  readonly headers?: (error: E) => Record<string, string | undefined>
  readonly body?: (error: E, asker: Asker) => Record<string, unknown>
}

/** Who gets the answer, and what absolute URLs in it begin with. */
export interface Asker {
  readonly actor: Actor
  readonly origin: string
}

/** Every refusal and its answer. A test holds this table to the errors that the domains export. */
export const errorTable = new Map<unknown, Rule<never>>([
  rule(MalformedInput, { status: 400 }),
  rule(LimitExceeded, { status: 413 }),
  rule(RouteNotFound, { status: 404 }),
  rule(ForeignPage, { status: 403 }),
  rule(TooManyRequests, {
    status: 429,
    headers: error => ({ 'retry-after': String(error.retryAfterSeconds) }),
  }),
  rule(SenderTooSlow, { status: 408, headers: () => ({ connection: 'close' }) }),

  rule(RepoNotFound, {
    // Whether it is missing or hidden is not told; who is nobody may become somebody.
    status: (_, { actor }) => (actor.kind === 'anonymous' ? 401 : 404),
    code: 'RepoNotFound',
    message: (_, { actor }) =>
      actor.kind === 'anonymous' ? 'Invalid username or password.' : 'Repository not found',
  }),
  rule(policy.NotSignedIn, { status: 401 }),
  rule(policy.Forbidden, { status: 403 }),
  rule(policy.GatedRepo, {
    status: (_, { actor }) => (actor.kind === 'anonymous' ? 401 : 403),
    code: 'GatedRepo',
    message: gatedMessage,
  }),
  rule(accounts.BadCredentials, { status: 401 }),
  rule(accounts.TooManyAttempts, {
    status: 429,
    headers: error => ({ 'retry-after': String(Math.ceil(error.retryAfterMs / 1000)) }),
  }),
  rule(accounts.WrongPassword, { status: 401 }),
  rule(accounts.SignUpClosed, { status: 403 }),
  rule(accounts.SessionNotFound, { status: 404 }),
  rule(accounts.TokenTooStrong, { status: 403 }),
  rule(accounts.OAuthRefusal, {
    status: 400,
    headers: () => ({ 'cache-control': 'no-store' }),
    body: error => ({ error: error.code, error_description: error.message }),
  }),
  rule(accounts.AccountExists, { status: 409 }),
  rule(accounts.AccountNotFound, { status: 404 }),
  rule(accounts.TokenNotFound, { status: 404 }),
  rule(accounts.TokenExists, { status: 409 }),

  rule(gates.NotGated, { status: 400 }),
  rule(gates.AccessHeld, { status: 400 }),
  rule(gates.AccessRequestNotFound, { status: 404 }),
  rule(gates.AlreadyDecided, { status: 404 }),
  rule(gates.OwnersHaveDecided, { status: 403 }),

  rule(community.CollectionNotFound, { status: 404 }),
  rule(community.CollectionExists, { status: 409, body: ({ slug }) => ({ slug }) }),
  rule(community.ItemNotFound, { status: 404 }),
  rule(community.ItemExists, { status: 409 }),
  rule(community.ItemTypeUnknown, { status: 400 }),
  rule(community.SelfFollowed, { status: 400 }),

  rule(repos.RevisionNotFound, { status: 404, code: 'RevisionNotFound' }),
  rule(repos.EntryNotFound, {
    status: 404,
    code: 'EntryNotFound',
    headers: error => ({ 'x-repo-commit': error.commitId }),
  }),
  rule(repos.RepoExists, {
    status: 409,
    // `create_repo(exist_ok=True)` reads the url of what exists (huggingface_hub `hf_api.py:create_repo`).
    body: (error, { origin }) => ({ url: `${origin}${repoPath(error.repo)}`, name: repoId(error.repo) }),
  }),
  rule(repos.RepoNameTaken, { status: 409 }),
  rule(repos.NamespaceNotFound, { status: 404 }),
  rule(repos.RefExists, { status: 409 }),
  rule(repos.RefClash, { status: 409 }),
  rule(repos.RefProtected, { status: 403 }),
  rule(repos.StaleParent, { status: 412 }),
  rule(repos.InvalidOperation, { status: 422 }),
  rule(repos.LfsObjectMissing, { status: 422 }),
  // git-lfs shows `message` (git-lfs `docs/api/locking.md`).
  rule(repos.LocksNotOffered, { status: 501, body: error => ({ message: error.message }) }),
  rule(HubBusy, { status: 503, headers: () => ({ 'retry-after': '30' }) }),
  rule(repos.PackBeingCollected, { status: 503, headers: () => ({ 'retry-after': '1' }) }),
  rule(repos.GitObjectMissing, { status: 500 }),
  rule(repos.PackDamaged, { status: 500 }),

  rule(repos.MergeConflict, { status: 409, body: error => ({ filesWithConflicts: error.paths }) }),

  rule(weights.WeightsNotFound, { status: 404 }),

  rule(discussions.DiscussionNotFound, { status: 404 }),
  rule(discussions.CommentNotFound, { status: 404 }),
  rule(discussions.DiscussionsClosed, { status: 403 }),
  rule(discussions.WrongStatus, { status: 409 }),
  rule(discussions.CommentHidden, { status: 409 }),
  rule(discussions.NoPullRequest, { status: 400 }),
  rule(discussions.UnknownImage, { status: 415 }),
  rule(discussions.ImageNotFound, { status: 404 }),

  rule(blobs.ContentMismatch, { status: 422 }),
  rule(blobs.FileNotHeld, { status: 422 }),
  rule(blobs.FileRefuted, { status: 422 }),
  rule(blobs.FileNotKnown, { status: 404 }),
  rule(blobs.ChunkNotKnown, { status: 404 }),
  rule(blobs.XorbNotKnown, { status: 404 }),
  rule(blobs.XorbBeingCollected, { status: 503, headers: () => ({ 'retry-after': '5' }) }),
  rule(blobs.RangeBeyondEnd, {
    status: 416,
    headers: error => ({ 'content-range': `bytes */${error.size}` }),
  }),
  rule(blobs.RangeNotGranted, { status: 403 }),
  rule(blobs.ShardRefused, { status: 400 }),
  rule(blobs.CorruptChunk, { status: 500 }),
  rule(blobs.UploadNotKnown, { status: 404 }),
  rule(blobs.PartsMissing, { status: 422 }),
  rule(blobs.CasTokenRefused, { status: 401 }),
  rule(blobs.CasScopeMissing, { status: 403 }),
  rule(SignedUrlRefused, { status: 403 }),

  rule(lineage.FamilyNotFound, { status: 404 }),
  rule(lineage.TooManyQuestions, { status: 503, headers: () => ({ 'retry-after': '5' }) }),

  rule(webhooks.WebhookNotFound, { status: 404 }),
  rule(webhooks.AddressRefused, { status: 400 }),

  rule(NotReady, { status: 503 }),
  rule(ObjectMissing, { status: 500 }),
  rule(ObjectShort, { status: 500 }),
  rule(StorageFault, { status: error => (error instanceof StoreFull ? 507 : 503) }),
])

/** The answer to whatever was thrown. What is no refusal of ours is a fault: 500, and its words stay in the log. */
export function answerTo(thrown: unknown, asker: Asker): ErrorAnswer {
  const error = storageFault(thrown)
  const found = error instanceof HubError ? ruleOf(error) : undefined
  if (!found) return plainAnswer(error)
  const made = found as Rule<unknown>
  const status = typeof made.status === 'number' ? made.status : made.status(error, asker)
  const text = status === 500 ? brokenHub : (made.message?.(error, asker) ?? (error as HubError).message)
  return answer(
    status,
    text,
    { 'x-error-code': made.code, ...made.headers?.(error) },
    made.body?.(error, asker),
  )
}

const brokenHub = 'Something in this hub is broken. Tell its operators the request id.'

/** Errors of Fastify itself (bad URL, header too large) carry the status that fits. */
function plainAnswer(error: unknown): ErrorAnswer {
  const status = Number((error as { statusCode?: unknown } | undefined)?.statusCode)
  if (status >= 400 && status < 500) return answer(status, (error as Error).message, {})
  return answer(500, brokenHub, {})
}

function ruleOf(error: HubError): Rule<never> | undefined {
  for (let kind = error.constructor; kind && kind !== HubError; kind = Object.getPrototypeOf(kind)) {
    const found = errorTable.get(kind)
    if (found) return found
  }
  return undefined
}

function answer(
  status: number,
  message: string,
  headers: Record<string, string | undefined>,
  body?: Record<string, unknown>,
): ErrorAnswer {
  const set = Object.entries({ 'x-error-message': headerText(message), ...headers }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  )
  return { status, headers: Object.fromEntries(set), body: { error: message, ...body } }
}

/** The beginning is what clients and their users look for (huggingface_hub `tests/test_file_download.py`). */
function gatedMessage({ repo, admission }: policy.GatedRepo, { actor, origin }: Asker): string {
  const what = `Access to ${repo.type} ${repoId(repo)} is restricted`
  if (actor.kind === 'anonymous')
    return `${what}. Sign in and send an access token of a user who has access to it.`
  if (admission === 'pending') return `${what}. Your request for access waits for an answer of its owners.`
  if (admission === 'rejected') return `${what}. Your request for access was rejected by its owners.`
  const ask = `${origin}${repoPath(repo)}/ask-access`
  return `${what} and you are not in the authorized list. Ask for access: POST ${ask}`
}

/** Headers carry ASCII; the body has the true text. */
export function headerText(message: string): string {
  return message.replace(/[^\x20-\x7e]/g, '?').slice(0, 1000)
}

function rule<E extends HubError>(
  kind: abstract new (...args: never[]) => E,
  how: Rule<E>,
): [unknown, Rule<never>] {
  return [kind, how as Rule<never>]
}
