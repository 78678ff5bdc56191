import { type Repository, repoId } from '../../kernel/repository.ts'
import type { Accounts } from '../accounts/index.ts'
import { renderText } from './render-text.ts'
import type { Discussion, DiscussionEvent } from './store.ts'

/** hub-protocol section 8: discussions and events as `huggingface_hub community.py` reads them. */

export type Authors = ReadonlyMap<string, object>

/** The hub's own name; no account can have it, for it is kept (`formats/repo-name.ts`). */
const hubAuthor = { name: 'system', fullname: 'This hub', type: 'hub' }

/** Names of all who have written; a deleted account has none, and clients say so themselves. */
export async function authorsOf(
  parts: { readonly accounts: Pick<Accounts, 'accountsById'> },
  ids: Iterable<string | null | undefined>,
): Promise<Authors> {
  const wanted = [...new Set([...ids].filter(id => typeof id === 'string'))]
  const authors = new Map<string, object>()
  for (let at = 0; at < wanted.length; at += accountsAtOnce) {
    for (const account of await parts.accounts.accountsById(wanted.slice(at, at + accountsAtOnce))) {
      authors.set(account.id, {
        _id: account.id,
        name: account.name,
        fullname: account.fullname,
        type: account.kind,
      })
    }
  }
  return authors
}

const accountsAtOnce = 1000

export function presentDiscussion(discussion: Discussion, repo: Repository, authors: Authors) {
  return {
    num: discussion.number,
    title: discussion.title,
    ...authorOf(discussion.authorId, authors),
    createdAt: isoTime(discussion.createdAt),
    status: discussion.status,
    isPullRequest: discussion.isPullRequest,
    numEvents: discussion.eventCount,
    repo: { name: repoId(repo), type: repo.type },
  }
}

export function presentEvent({ id, authorId, createdAt, data }: DiscussionEvent, authors: Authors) {
  return {
    id,
    type: data.type,
    createdAt: isoTime(createdAt),
    ...authorOf(authorId, authors),
    data: presentData(data, { authorId, createdAt }, authors),
  }
}

function presentData(
  data: DiscussionEvent['data'],
  event: Pick<DiscussionEvent, 'authorId' | 'createdAt'>,
  authors: Authors,
): object {
  if (data.type === 'commit') return { subject: data.subject, oid: data.oid }
  if (data.type === 'status-change') return { status: data.status }
  if (data.type === 'title-change') return { from: data.from, to: data.to }
  const author = authorOf(event.authorId, authors)
  const version = (raw: string, at: number) => ({
    raw,
    html: renderText(raw),
    updatedAt: isoTime(at),
    ...author,
  })
  return {
    edited: data.editedAt !== undefined,
    hidden: data.isHidden,
    ...(data.hiddenBy !== undefined && { hiddenBy: authors.get(data.hiddenBy) }),
    latest: version(data.raw, data.editedAt ?? event.createdAt),
    numEdits: data.history.length,
    history: data.history.map(({ raw, at }) => version(raw, at)),
  }
}

/** All accounts that an event names. */
export function accountsIn({ authorId, data }: DiscussionEvent): (string | null | undefined)[] {
  return [authorId, data.type === 'comment' ? data.hiddenBy : undefined]
}

function authorOf(id: string | null, authors: Authors): { author?: object } {
  const author = id === null ? hubAuthor : authors.get(id)
  return author ? { author } : {}
}

function isoTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}
