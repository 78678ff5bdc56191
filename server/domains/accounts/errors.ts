import { HubError } from '../../kernel/errors.ts'

/** The Authorization header names nobody: 401, and clients know the message word for word (huggingface_hub `utils/_http.py`). */
export class BadCredentials extends HubError {
  constructor() {
    super('Invalid credentials in Authorization header')
  }
}

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
    super(`${user} has no token with the id ${tokenId}; banyan token list ${user} shows which there are`)
  }
}

/** The token is already in use, by this user or another. */
export class TokenExists extends HubError {
  constructor() {
    super('this token is already in use; choose another one')
  }
}
