import { HubError } from '../../kernel/errors.ts'

/** The Authorization header names nobody: 401, and clients know the message word for word (huggingface_hub `utils/_http.py`). */
export class BadCredentials extends HubError {
  constructor() {
    super('Invalid credentials in Authorization header')
  }
}

/** The password is not this user's, or there is no such user: 401, the same words for both. */
export class WrongPassword extends HubError {
  constructor() {
    super('the user name and the password do not belong together')
  }
}

/** This hub's accounts are made by who runs it: 403. */
export class SignUpClosed extends HubError {
  constructor() {
    super('accounts on this hub are made by who runs it; ask them for one')
  }
}

/** The user has no such browser session, or has it no more. */
export class SessionNotFound extends HubError {
  constructor(sessionId: string) {
    super(`you have no session with the id ${sessionId}; GET /api/settings/sessions lists them`)
  }
}

/** A token would live longer than the one that it is made with: 403. */
export class TokenTooStrong extends HubError {
  constructor(end: number) {
    super(
      `a token that is made with another one must not outlive it; give an expiresAt up to ${new Date(end).toISOString()}`,
    )
  }
}

/** RFC 6749 4.1.2.1 and 5.2, RFC 7591 3.2.2, RFC 8628 3.5: programs read the code, people the description. */
export class OAuthRefusal extends HubError {
  readonly code: OAuthCode

  constructor(code: OAuthCode, description: string) {
    super(description)
    this.code = code
  }
}

type OAuthCode =
  | 'invalid_request'
  | 'invalid_grant'
  | 'invalid_redirect_uri'
  | 'unsupported_grant_type'
  | 'unsupported_response_type'
  | 'authorization_pending'
  | 'slow_down'
  | 'access_denied'
  | 'expired_token'

/** Too many wrong passwords for one name, or too many sign-ins waiting: 429. Access tokens are not affected. */
export class TooManyAttempts extends HubError {
  /** Milliseconds until it makes sense to try again. */
  readonly retryAfterMs: number

  constructor(reason: string, retryAfterMs: number) {
    super(`${reason}; try again in ${Math.ceil(retryAfterMs / 1000)} s, or use an access token`)
    this.retryAfterMs = retryAfterMs
  }
}

/** The name belongs to a user or an organisation, living or deleted, in this or another spelling of its case. */
export class AccountExists extends HubError {
  /** As it was asked for. */
  readonly account: string

  constructor(account: string) {
    super(`there is already an account called ${account}`)
    this.account = account
  }
}

export class AccountNotFound extends HubError {
  constructor(kind: 'user' | 'organization' | 'user or organization', name: string) {
    super(`there is no ${kind} called ${name}`)
  }
}

/** The user has no such token, or has it no more. */
export class TokenNotFound extends HubError {
  constructor(user: string, tokenId: string) {
    super(`${user} has no token with the id ${tokenId}; a list of the tokens shows which there are`)
  }
}

/** The token is already in use, by this user or another. */
export class TokenExists extends HubError {
  constructor() {
    super('this token is already in use; choose another one')
  }
}
