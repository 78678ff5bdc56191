import type { Clock } from '../../kernel/clock.ts'
import type { DelegationCheck } from '../../kernel/delegation.ts'
import type { Signer } from '../../kernel/signer.ts'
import type { Database } from '../../ports/database.ts'
import type { ObjectStore } from '../../ports/objects.ts'
import type { Emit } from '../../ports/queue.ts'
import type { BlockMemory } from './block-memory.ts'
import type { Damage } from './damage.ts'
import type { DigestThreads } from './digest-threads.ts'
import type { FileTermsCache } from './file-terms.ts'
import type { FramePool } from './frame-pool.ts'
import type { PieceMemory } from './piece-memory.ts'
import type { XorbIndexes } from './xorb-objects.ts'

/** Which of `holders` have content that the user `subject` (nobody when undefined) may see. */
type Reachable = (subject: string | undefined, holders: string[]) => Promise<Set<string>>

/** What the use cases of this domain stand on; each names the parts that it needs. */
export interface BlobParts {
  readonly database: Database
  readonly objects: ObjectStore
  readonly emit: Emit
  readonly signer: Signer
  readonly clock: Clock
  readonly reachable: Reachable
  readonly stillHolds: DelegationCheck
  readonly frames: FramePool
  readonly damage: Damage
  readonly digests: DigestThreads
  readonly indexes: XorbIndexes
  readonly terms: FileTermsCache
  readonly memory: PieceMemory
  readonly blocks: BlockMemory
}
