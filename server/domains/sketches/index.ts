/** Sketches: what is kept of a model's weights, to compare it with others. */
import type { JobHandler, Projection } from '../../ports/queue.ts'
import { collectSketches } from './collect.ts'
import { type SketchParts, sketchObject } from './parts.ts'
import { headProjections, readHeadJob, readMissing } from './read-head.ts'
import { ReadThreads } from './read-threads.ts'
import { findHead, findSketch, type HeadRow, type SketchRow } from './store.ts'

export type { FileClaim } from './file-claims.ts'
export { makeSketch } from './make-sketch.ts'
export { sketchMigrations } from './migrations/index.ts'
export { mix32, sampleAxis } from './sample-axis.ts'
export * from './sketch.ts'
export { decodeSketch, encodeSketch } from './sketch-codec.ts'
export { answerCalls, callsOver } from './thread-calls.ts'

export interface Sketches {
  /** What is known of the default branch of a model; undefined when there is none. */
  headOf(repoId: string): Promise<HeadRow | undefined>
  /** What was found in a distinct content. */
  find(key: string): Promise<SketchRow | undefined>
  /** Bytes of a stored sketch. Throws ObjectMissing. */
  read(key: string): Promise<Uint8Array>
  /** Finds out what is not known of a repository. */
  readMissing(repoId: string): Promise<void>
  collect(options: Parameters<typeof collectSketches>[1]): ReturnType<typeof collectSketches>
  readonly projections: readonly Projection[]
  readonly jobs: readonly JobHandler[]
  close(): Promise<void>
}

/** Sketches any folder, in a thread; to be closed. */
export function createReader(): Pick<ReadThreads, 'read' | 'close'> {
  return new ReadThreads()
}

export function createSketches(given: Omit<SketchParts, 'threads'>): Sketches {
  const parts: SketchParts = { ...given, threads: new ReadThreads() }
  const { sql } = parts.database
  return {
    headOf: repoId => findHead(sql, repoId),
    find: key => findSketch(sql, key),
    async read(key) {
      const size = (await parts.objects.size(sketchObject(key))) ?? 1
      return await parts.objects.read(sketchObject(key), 0, size)
    },
    readMissing: repoId => readMissing(parts, repoId),
    collect: options => collectSketches(parts, options),
    projections: headProjections(parts),
    jobs: [readHeadJob(parts) as JobHandler],
    close: () => parts.threads.close(),
  }
}
