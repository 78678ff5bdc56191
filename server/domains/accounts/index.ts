/** Users, organisations, memberships, access tokens, browser sessions: who there is, and who asks. */
import type { Route } from '../../http/route.ts'
import type { Actor } from '../../kernel/actor.ts'
import { actorOf } from './actor-of.ts'
import { addOrganization, type NewOrganization } from './add-organization.ts'
import { addToken, type NewToken } from './add-token.ts'
import { addUser, type NewUser } from './add-user.ts'
import { createBearerOf } from './bearer-of.ts'
import { createDirectory, type Directory } from './directory.ts'
import { Failures } from './failures.ts'
import { createIdentify, type Identify } from './identify.ts'
import { listTokens } from './list-tokens.ts'
import type { AccountParts } from './parts.ts'
import { PasswordLogins } from './password-logins.ts'
import { revokeToken } from './revoke-token.ts'
import { accountRoutes } from './routes.ts'
import type { Account, ListedToken } from './store.ts'

export type { NewToken } from './add-token.ts'
export { avatarUrl } from './avatar.ts'
export * from './errors.ts'
export { accountMigrations } from './migrations/index.ts'
export type { Account } from './store.ts'

export interface Accounts extends Directory {
  readonly identify: Identify
  /** Who shows the credential of this name now: see `bearer-of.ts`. */
  bearerOf(credential: string): Promise<Actor | undefined>
  /** What this user may see, when there is no credential at hand (a CAS token names its subject only). */
  actorOf(userId: string | undefined): Promise<Actor>
  addUser(wanted: NewUser): Promise<Account>
  addOrganization(wanted: NewOrganization): Promise<Account>
  addToken(user: string, wanted: NewToken): Promise<{ token: string }>
  listTokens(user: string): Promise<ListedToken[]>
  revokeToken(user: string, tokenId: string): Promise<void>
  readonly routes: readonly Route[]
}

export function createAccounts(given: Omit<AccountParts, 'logins' | 'userCodes'>): Accounts {
  const { clock } = given
  const parts = { ...given, logins: new PasswordLogins(clock), userCodes: new Failures(clock) }
  const { sql } = parts.database
  return {
    identify: createIdentify(parts),
    bearerOf: createBearerOf(parts),
    ...createDirectory(sql),
    actorOf: userId => actorOf(sql, userId),
    addUser: wanted => addUser(parts, wanted),
    addOrganization: wanted => addOrganization(parts, wanted),
    addToken: (user, wanted) => addToken(parts, user, wanted),
    listTokens: user => listTokens(parts, user),
    revokeToken: (user, tokenId) => revokeToken(parts, user, tokenId),
    routes: accountRoutes(parts),
  }
}
