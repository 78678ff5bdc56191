import type { OrganizationRole } from '../../kernel/actor.ts'

/** SQL tables of this domain. Booleans are 0 | 1, times milliseconds. */
export type AccountTables = {
  /** Users and organisations share one namespace: `alice/model` says which account, not which kind. */
  accounts: {
    id: string
    kind: AccountKind
    name: string
    /** The name case-folded: `Alice` and `alice` are one name. A deleted account keeps its name, so that nobody inherits its links. */
    folded_name: string
    fullname: string
    email: string | null
    /** `password.ts` writes and reads it; null for organisations and for users who sign in by token alone. */
    password_hash: string | null
    is_admin: number
    private_by_default: number
    created_at: number
    deleted_at: number | null
  }
  memberships: {
    user_id: string
    organization_id: string
    role: OrganizationRole
    created_at: number
  }
  access_tokens: {
    id: string
    user_id: string
    name: string
    role: TokenRole
    /** SHA-256 of the token, hex. The token itself is nowhere. */
    hash: string
    created_at: number
    /** Exact to a minute. */
    last_used_at: number | null
    expires_at: number | null
    revoked_at: number | null
  }
  /** What a fine-grained token reaches; other tokens have no rows here. */
  token_scopes: {
    token_id: string
    target_kind: 'repository' | 'account'
    target_id: string
    access: 'read' | 'write'
  }
}

export type AccountKind = 'user' | 'organization'
export type TokenRole = 'read' | 'write' | 'fine-grained'
