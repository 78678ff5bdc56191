import { HubError } from '../../kernel/errors.ts'
import { type Repository, repoId } from '../../kernel/repository.ts'

/** There is no gate to ask at. */
export class NotGated extends HubError {
  constructor(repo: Repository) {
    super(`${repoId(repo)} is not gated: everybody who sees it may read its files`)
  }
}

export class AccessRequestNotFound extends HubError {
  constructor(repo: Repository) {
    super(`there is no such request for access to ${repoId(repo)}`)
  }
}

/** The request has that status already; clients take a 404 for it (huggingface_hub `hf_api.py:accept_access_request`). */
export class AlreadyDecided extends HubError {
  constructor(status: string) {
    super(`the request for access is ${status} already`)
  }
}

/** Who may read the files needs no access. */
export class AccessHeld extends HubError {
  constructor(repo: Repository, who: string) {
    super(`${who} already has access to ${repoId(repo)}`)
  }
}

/** An owner has decided, and only an owner can change it. */
export class OwnersHaveDecided extends HubError {
  readonly reason: string | null
  constructor(repo: Repository, status: string, reason: string | null) {
    const because = reason === null ? '' : ` (${reason})`
    super(
      `the owners of ${repoId(repo)} have set your request for access to ${status}${because}; only they can change it`,
    )
    this.reason = reason
  }
}
