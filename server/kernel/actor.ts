/** Who asks. Built once a request by accounts, read by policy. */
export type Actor = Anonymous | User

export interface Anonymous {
  readonly kind: 'anonymous'
}

export interface User {
  readonly kind: 'user'
  readonly id: string
  readonly name: string
  /** Runs the hub: may do everything that its token's role allows. */
  readonly isAdmin: boolean
  /** Organisation id → role there. */
  readonly memberships: ReadonlyMap<string, OrganizationRole>
  readonly credential: Credential
}

export type OrganizationRole = 'admin' | 'write' | 'read'

/** What the user showed: the account password, the cookie of a browser session, or an access token with its own limits. */
export type Credential =
  | { readonly kind: 'password' }
  | { readonly kind: 'session'; readonly id: string }
  | { readonly kind: 'token'; readonly id: string; readonly role: 'read' | 'write' }
  | {
      readonly kind: 'token'
      readonly id: string
      readonly role: 'fine-grained'
      readonly scopes: readonly TokenScope[]
    }

/** A fine-grained token reaches one repository, or every repository of one account, and does this much there. */
export interface TokenScope {
  readonly target: { readonly kind: 'repository' | 'account'; readonly id: string }
  /** Each holds those before it: who may write may take part in discussions, and who may do that may read. */
  readonly access: 'read' | 'discuss' | 'write'
}

export const anonymous: Anonymous = { kind: 'anonymous' }
