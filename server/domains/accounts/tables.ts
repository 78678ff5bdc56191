import type { OrganizationRole, TokenScope } from '../../kernel/actor.ts'

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
    /** The token that it was made with, if any: who revokes that one means this one too. */
    made_by: string | null
  }
  /** What a fine-grained token reaches; other tokens have no rows here. */
  token_scopes: {
    token_id: string
    target_kind: 'repository' | 'account'
    target_id: string
    access: TokenScope['access']
  }
}

export type SessionTables = {
  /** Browsers that are signed in. */
  sessions: {
    id: string
    user_id: string
    /** SHA-256 of the cookie's value, hex. */
    hash: string
    /** What the browser calls itself; for its owner to know it by. */
    user_agent: string
    created_at: number
    /** Exact to five minutes. */
    last_used_at: number
  }
  /** Programs that wait for somebody to let them in (RFC 8628). Rows live for a quarter of an hour. */
  device_codes: {
    /** SHA-256 of the device code, hex. */
    hash: string
    /** SHA-256 of the user code, hex. */
    user_code_hash: string
    client_id: string
    user_agent: string
    created_at: number
    expires_at: number
    /** Milliseconds that must lie between two questions of the program. */
    interval_ms: number
    last_polled_at: number | null
    /** Who has answered, and how: all three null while nobody has. */
    user_id: string | null
    role: 'read' | 'write' | null
    answer: 'allowed' | 'denied' | null
  }
  /** What an application exchanges for an access token (RFC 6749 4.1). Rows live for five minutes. */
  authorization_codes: {
    /** SHA-256 of the code, hex. */
    hash: string
    user_id: string
    client_id: string
    redirect_uri: string
    /** SHA-256, base64url, of the secret that the application shows with the code. */
    code_challenge: string
    /** Granted, with blanks between them. */
    scope: string
    expires_at: number
  }
  /** What a program renews its access token with. */
  refresh_tokens: {
    id: string
    user_id: string
    client_id: string
    /** SHA-256, hex: of the one that is good, and of the one before it. */
    hash: string
    previous_hash: string | null
    /** The newest access token that came of it. */
    token_id: string
    refreshed_at: number
  }
}

export type AccountKind = 'user' | 'organization'
export type TokenRole = 'read' | 'write' | 'fine-grained'
