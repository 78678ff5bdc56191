import type { Actor, User } from '../../kernel/actor.ts'
import type { Repository } from '../../kernel/repository.ts'
import type { Sql } from '../../ports/database.ts'

/**
 * What commits and pushes need of pull requests. Those belong to a domain that stands on this one, so compose gives
 * these functions. The commits of pull request N are behind `refs/pr/N`.
 */
export interface PullRequests {
  /**
   * Whether this user may open one (`new`), or commit to that one: its author and writers may, while it is open. Returns
   * how many more bytes the user may bring, which has no end for writers. Throws in words that whoever pushes understands.
   */
  admit(actor: Actor, repo: Repository, number: number | 'new'): Promise<{ room: number }>
  /** Opens one, in the transaction that makes its ref; returns its number. */
  open(tx: Sql, author: User, repo: Repository, wanted: NewPullRequest): Promise<number>
  /**
   * Tells of what has been brought to its ref, in the transaction that moves it. Throws when it is no longer open, or when it
   * is more than its author may bring.
   */
  committed(tx: Sql, actor: User, repo: Repository, number: number, brought: Brought): Promise<void>
}

export interface NewPullRequest {
  /** First line and rest of the commit's message. */
  readonly title: string
  readonly description: string
  /** Full name of the branch that it is to be merged into. */
  readonly base: string
}

export interface Brought {
  /** Oldest first. */
  readonly commits: readonly { readonly oid: string; readonly subject: string }[]
  /** Of packs, and of files that the repository did not hold before. */
  readonly bytes: number
}

export function pullRequestRef(number: number): string {
  return `refs/pr/${number}`
}

/** The number in `refs/pr/N`; undefined for any other ref. */
export function pullRequestNumber(ref: string): number | undefined {
  const digits = /^refs\/pr\/([1-9]\d{0,8})$/.exec(ref)?.[1]
  return digits === undefined ? undefined : Number(digits)
}
