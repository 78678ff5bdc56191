import type { Clock } from '../../kernel/clock.ts'
import type { Repository } from '../../kernel/repository.ts'
import type { Database } from '../../ports/database.ts'
import type { Emit } from '../../ports/queue.ts'
import type { Policy } from '../policy/index.ts'
import type { Repos } from '../repos/index.ts'
import type { Sketches } from '../sketches/index.ts'
import type { HubIndex } from './hub-index.ts'
import type { PlaceThreads } from './place-threads.ts'
import type { Turn } from './turn.ts'

export interface LineageParts {
  readonly database: Database
  readonly clock: Clock
  readonly emit: Emit
  readonly policy: Policy
  readonly repos: Pick<Repos, 'byId' | 'locate' | 'files' | 'readFile' | 'allIds'>
  readonly sketches: Pick<Sketches, 'headOf' | 'find' | 'read'>
  readonly threads: PlaceThreads
  readonly index: HubIndex
  /** For whoever changes the tree. */
  readonly turn: Turn
  /** Undefined: the hub says nothing of its own accord. */
  readonly reports: Reports | undefined
}

/** Discussions that the hub itself opens and closes: `discussions/open-discussion.ts`. */
interface Reports {
  open(repo: Repository, wanted: { subject: string; title: string; description: string }): Promise<unknown>
  /** Closes those whose subject begins with `prefix`, but for these, with a word why. */
  closeOthers(repo: Repository, prefix: string, subjects: readonly string[], comment: string): Promise<void>
}
