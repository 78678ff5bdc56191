import type { Actor } from '../../kernel/actor.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Repository, RepoType } from '../../kernel/repository.ts'
import type { Signer } from '../../kernel/signer.ts'
import type { Database } from '../../ports/database.ts'
import type { Failures } from './failures.ts'
import type { PasswordLogins } from './password-logins.ts'

/** What the use cases of this domain stand on. */
export interface AccountParts {
  readonly database: Database
  readonly clock: Clock
  readonly signer: Signer
  readonly repos: ReadableRepos
  /** Whether anybody may make an account, or only who runs the hub. */
  readonly signUp: 'open' | 'closed'
  readonly logins: PasswordLogins
  /** Wrong user codes of the device flow, by user id. */
  readonly userCodes: Failures
}

/** Repositories by name and by id, those that the actor may read alone: the scopes of tokens name them. */
export interface ReadableRepos {
  find(actor: Actor, type: RepoType, namespace: string, name: string): Promise<Repository | undefined>
  byId(actor: Actor, ids: readonly string[]): Promise<Repository[]>
}
