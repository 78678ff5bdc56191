import type { Clock } from '../../kernel/clock.ts'
import type { Repository } from '../../kernel/repository.ts'
import type { Signer } from '../../kernel/signer.ts'
import type { Database } from '../../ports/database.ts'
import type { ObjectStore } from '../../ports/objects.ts'
import type { Emit } from '../../ports/queue.ts'
import type { Accounts } from '../accounts/index.ts'
import type { Blobs } from '../blobs/index.ts'
import type { Policy } from '../policy/index.ts'
import type { Admission } from './admission.ts'
import type { GitMirror } from './git-mirror.ts'
import type { GitObjects } from './git-objects.ts'
import type { Lookups } from './lookups.ts'
import type { PullRequests } from './pull-requests.ts'
import type { Turns } from './turns.ts'

/** What the use cases of this domain stand on; each names the parts that it needs. */
export interface RepoParts {
  readonly database: Database
  readonly objects: ObjectStore
  readonly clock: Clock
  readonly signer: Signer
  readonly emit: Emit
  readonly accounts: Accounts
  readonly policy: Policy
  readonly blobs: Blobs
  readonly pullRequests: PullRequests
  /** Closes the repository to new discussions of everybody, or of the hub itself, or opens it again. */
  readonly configureDiscussions: (
    repo: Repository,
    closed: { isClosed?: boolean; isClosedToHub?: boolean },
  ) => Promise<void>
  readonly lookups: Lookups
  /** Reads objects out of the packs. */
  readonly git: GitObjects
  /** Local bare repositories for the git program. */
  readonly mirror: GitMirror
  readonly admission: Admission
  /** Commits to one branch are made one after the other: each would have to be made again for every other one. */
  readonly commitTurns: Turns
}
