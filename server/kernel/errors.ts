/**
 * Every refusal that a person can understand is a subclass of HubError that carries facts, not sentences for a
 * status code. `http/error-map.ts` is the one table that turns a class into status, X-Error-Code and body.
 * Anything else that is thrown is a fault of ours: 500, logged with its stack.
 */
export abstract class HubError extends Error {
  override get name(): string {
    return this.constructor.name
  }
}

/** Bytes or text that break their format. `subject` names what was read, the message says what is wrong and what would be right. */
export class MalformedInput extends HubError {
  readonly subject: string

  constructor(subject: string, message: string) {
    super(`${subject}: ${message}`)
    this.subject = subject
  }
}

/** Input that is well-formed but over a limit that protects the hub. `limit` and `found` share one unit, named by `unit`. */
export class LimitExceeded extends HubError {
  readonly subject: string
  readonly limit: number

  constructor(subject: string, limit: number, unit: string, found?: number) {
    super(`${subject} is over the limit of ${limit} ${unit}${found === undefined ? '' : ` (found ${found})`}`)
    this.subject = subject
    this.limit = limit
  }
}

/** So many others are served that this one would have to wait too long. */
export class HubBusy extends HubError {
  constructor(what: string, waitedMs: number) {
    super(
      `this hub is busy with other ${what}; nothing was changed after ${waitedMs / 1000} s of waiting, try again soon`,
    )
  }
}

/** There is no such repository, or none that this actor may know of: one answer for both, on every door. */
export class RepoNotFound extends HubError {
  readonly repo: string

  constructor(repo: string) {
    super(`repository ${repo} not found`)
    this.repo = repo
  }
}
