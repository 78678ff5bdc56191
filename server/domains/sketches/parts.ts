import type { Clock } from '../../kernel/clock.ts'
import type { Database } from '../../ports/database.ts'
import type { ObjectStore } from '../../ports/objects.ts'
import type { Emit } from '../../ports/queue.ts'
import type { Blobs } from '../blobs/index.ts'
import type { Repos } from '../repos/index.ts'
import type { ReadThreads } from './read-threads.ts'

export interface SketchParts {
  readonly database: Database
  readonly objects: ObjectStore
  readonly clock: Clock
  readonly emit: Emit
  readonly blobs: Pick<Blobs, 'committedAt'>
  readonly repos: Pick<Repos, 'byId' | 'resolve' | 'files' | 'describe' | 'open'>
  readonly threads: ReadThreads
}

/** Sketches never change: the key says what is in them. */
export const sketchObject = (key: string) => `sketches/${key}`
