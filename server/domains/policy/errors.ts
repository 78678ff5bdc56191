import { HubError, RepoNotFound } from '../../kernel/errors.ts'
import { type Repository, repoId } from '../../kernel/repository.ts'
import type { Admission } from './admission.ts'

/** Nobody in particular asks for what somebody in particular may do: 401. */
export class NotSignedIn extends HubError {
  constructor() {
    super('sign in first: send an access token')
  }
}

/**
 * The repository exists, but not for this actor. To the outside it is `RepoNotFound`, word for word; the class of its
 * own is for our log.
 */
export class RepoHidden extends RepoNotFound {
  constructor(repo: Repository) {
    super(repoId(repo))
  }
}

/** The repository is there for all to see, but its files are for those whom its gate has let in: 403, or 401 for nobody. */
export class GatedRepo extends HubError {
  readonly repo: Repository
  readonly admission: Admission
  constructor(repo: Repository, admission: Admission) {
    super(`${repoId(repo)} is gated, and the request for access is: ${admission}`)
    this.repo = repo
    this.admission = admission
  }
}

/** The actor is known and may see the thing, but not do this to it: 403. The message is the reason, in words. */
export class Forbidden extends HubError {}
