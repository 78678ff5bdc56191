/** The family tree of models: what they declare, and what their weights say. */
import type { Route } from '../../http/route.ts'
import type { JobHandler, Projection } from '../../ports/queue.ts'
import { exportWithoutOrder } from './export-without-order.ts'
import { HubIndex } from './hub-index.ts'
import type { LineageParts } from './parts.ts'
import { placeModelJob } from './place-model.ts'
import { PlaceThreads } from './place-threads.ts'
import { rebuildTree } from './rebuild-tree.ts'
import { projections } from './remove-model.ts'
import { reportFindingsJob } from './report-findings.ts'
import { lineageRoutes, sketchType } from './routes.ts'
import { sketchesOfMembers } from './store.ts'
import { Turn } from './turn.ts'

export { FamilyNotFound, TooManyQuestions } from './errors.ts'
export { lineageMigrations } from './migrations/index.ts'
export { sketchType }

export interface Lineage {
  /** Those of `keys` that the tree stands on: for collection of sketches. */
  sketchesInUse(keys: readonly string[]): Promise<ReadonlySet<string>>
  /** See `rebuild-tree.ts`. */
  rebuild(options: Parameters<typeof rebuildTree>[1]): ReturnType<typeof rebuildTree>
  /** See `export-without-order.ts`. */
  exportWithoutOrder(): AsyncIterable<string>
  readonly routes: readonly Route[]
  readonly projections: readonly Projection[]
  readonly jobs: readonly JobHandler[]
  close(): Promise<void>
}

export function createLineage(given: Omit<LineageParts, 'threads' | 'index' | 'turn'>): Lineage {
  const { database, sketches } = given
  const parts: LineageParts = {
    ...given,
    threads: new PlaceThreads(key => sketches.read(key)),
    index: new HubIndex(database),
    turn: new Turn(),
  }
  return {
    sketchesInUse: keys => sketchesOfMembers(database.sql, keys),
    rebuild: options => rebuildTree(parts, options),
    exportWithoutOrder: () => exportWithoutOrder(parts),
    routes: lineageRoutes(parts),
    projections,
    jobs: [placeModelJob(parts), reportFindingsJob(parts)] as unknown as JobHandler[],
    close: () => parts.threads.close(),
  }
}
