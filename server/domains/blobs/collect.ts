import type { ObjectStore } from '../../ports/objects.ts'
import { inBatches, statementBatch } from './batches.ts'
import { abandonedMs, deleteAbandoned, deleteDoomed } from './delete-doomed.ts'
import type { BlobParts } from './parts.ts'
import {
  countExpiredHoldings,
  deleteExpiredHoldings,
  deleteUnheldFiles,
  doomOrphans,
  doomXorbs,
  type Expiry,
  findAbandonedXorbs,
  findUploads,
  forgetRemovedXorbs,
  markXorbs,
  pageOfDueXorbs,
  pageOfHolders,
  pageOfUnheldFiles,
  pageOfUnmarkedXorbs,
  unmarkUsedXorbs,
} from './store-collection.ts'
import { deleteStaleUpload, findStaleUploads } from './store-uploads.ts'
import { findXorbs } from './store-xorbs.ts'
import { deleteParts, uploadPrefix } from './upload-parts.ts'
import { xorbHashOf, xorbPrefix } from './xorb-objects.ts'

export interface CollectOptions {
  /** Only counts. */
  readonly dryRun: boolean
  /** How long what nobody refers to stays, at least: an upload may be about to refer to it. */
  readonly graceMs: number
  /** Those of `holders` that still exist. */
  liveHolders(holders: string[]): Promise<ReadonlySet<string>>
  /** Called as work goes on; `total` is absent where it is not known before. */
  progress(what: string, done: number, total?: number): void
}

/** What was let go, or would be. */
export interface CollectReport {
  holdings: number
  files: number
  xorbs: number
  xorbBytes: number
  /** Xorbs seen unused for the first time; they go when they still are after the grace period. */
  markedXorbs: number
  markedBytes: number
  /** Multipart uploads that were given up. */
  uploads: number
  /** Objects that no row knows, from uploads that were cut at the last moment. */
  orphans: number
  orphanBytes: number
}

type CollectParts = Pick<BlobParts, 'database' | 'objects' | 'clock'>

/** So long is known that a xorb was removed. Between storing one and recording it are moments. */
const rememberedMs = 24 * 60 * 60 * 1000
const parallelDeletes = 8

/**
 * Lets go of what nobody refers to, from the top down: holdings, files, xorbs, and remains of uploads. May run beside
 * uploads, and beside itself; why that is safe is written in docs/decisions/0007-collection.md.
 */
export async function collect(parts: CollectParts, options: CollectOptions): Promise<CollectReport> {
  const run = new Collection(parts, options)
  await run.finishEarlierRuns()
  await run.collectHoldings()
  await run.collectFiles()
  await run.markXorbs()
  await run.collectXorbs()
  await run.collectUploads()
  await run.collectOrphans()
  return run.report
}

class Collection {
  readonly report: CollectReport = {
    holdings: 0,
    files: 0,
    xorbs: 0,
    xorbBytes: 0,
    markedXorbs: 0,
    markedBytes: 0,
    uploads: 0,
    orphans: 0,
    orphanBytes: 0,
  }
  readonly #parts: CollectParts
  readonly #options: CollectOptions
  readonly #now: number
  /** What has been so since this moment has waited long enough. */
  readonly #before: number
  #expiry: Expiry

  constructor(parts: CollectParts, options: CollectOptions) {
    this.#parts = parts
    this.#options = options
    this.#now = parts.clock()
    this.#before = this.#now - options.graceMs
    this.#expiry = { before: this.#before, deadHolders: [] }
  }

  async finishEarlierRuns(): Promise<void> {
    const abandoned = await findAbandonedXorbs(this.#parts.database.sql, this.#now - abandonedMs)
    if (!this.#options.dryRun) await forgetRemovedXorbs(this.#parts.database.sql, this.#now - rememberedMs)
    for (const batch of inBatches(abandoned, 100)) {
      this.report.xorbs += batch.length
      for (const xorb of batch) this.report.xorbBytes += xorb.object_bytes
      const hashes = batch.map(xorb => xorb.hash)
      if (!this.#options.dryRun) await deleteAbandoned(this.#parts, hashes)
    }
  }

  async collectHoldings(): Promise<void> {
    const { database } = this.#parts
    const dead = await this.#deadHolders()
    // For counting the files that would follow; there are never many vanished holders.
    this.#expiry = { before: this.#before, deadHolders: dead.slice(0, statementBatch) }
    for (const deadHolders of [[], ...inBatches(dead)]) {
      const expiry = { before: this.#before, deadHolders }
      this.report.holdings += this.#options.dryRun
        ? await countExpiredHoldings(database.sql, expiry)
        : await database.transaction(tx => deleteExpiredHoldings(tx, expiry))
      this.#options.progress('holdings', this.report.holdings)
    }
  }

  async #deadHolders(): Promise<string[]> {
    const dead: string[] = []
    for (let last = ''; ; ) {
      const page = await pageOfHolders(this.#parts.database.sql, last)
      if (page.length === 0) return dead
      const live = await this.#options.liveHolders(page)
      dead.push(...page.filter(holder => !live.has(holder)))
      last = page.at(-1)!
    }
  }

  async collectFiles(): Promise<void> {
    const { database } = this.#parts
    for (let last = ''; ; ) {
      const page = await pageOfUnheldFiles(database.sql, last, this.#expiry)
      if (page.length === 0) return
      this.report.files += this.#options.dryRun
        ? page.length
        : await database.transaction(tx => deleteUnheldFiles(tx, page))
      this.#options.progress('files', this.report.files)
      last = page.at(-1)!
    }
  }

  async markXorbs(): Promise<void> {
    const { sql } = this.#parts.database
    if (!this.#options.dryRun) await unmarkUsedXorbs(sql)
    for (let last = ''; ; ) {
      const page = await pageOfUnmarkedXorbs(sql, last)
      if (page.length === 0) return
      this.report.markedXorbs += page.length
      for (const xorb of page) this.report.markedBytes += xorb.object_bytes
      const hashes = page.map(xorb => xorb.hash)
      if (!this.#options.dryRun) await markXorbs(sql, hashes, this.#now)
      last = page.at(-1)!.hash
    }
  }

  async collectXorbs(): Promise<void> {
    const { database } = this.#parts
    for (let last = ''; ; ) {
      const page = await pageOfDueXorbs(database.sql, last, this.#before)
      if (page.length === 0) return
      const hashes = page.map(xorb => xorb.hash)
      const now = this.#parts.clock()
      const doomed = this.#options.dryRun
        ? page
        : await database.transaction(tx => doomXorbs(tx, hashes, this.#before, now))
      const names = doomed.map(xorb => xorb.hash)
      if (!this.#options.dryRun) await deleteDoomed(this.#parts, names, now)
      this.report.xorbs += doomed.length
      for (const xorb of doomed) this.report.xorbBytes += xorb.object_bytes
      this.#options.progress('xorbs', this.report.xorbs)
      last = page.at(-1)!.hash
    }
  }

  async collectUploads(): Promise<void> {
    const { database, objects } = this.#parts
    for (const { id } of await findStaleUploads(database.sql, this.#before)) {
      if (!this.#options.dryRun) {
        if (!(await deleteStaleUpload(database.sql, id, this.#before))) continue
        await deleteParts(this.#parts, id)
      }
      this.report.uploads++
      this.#options.progress('uploads', this.report.uploads)
    }
    // Parts whose upload was deleted by a run that died before it came to them.
    for await (const batch of oldObjects(objects, uploadPrefix, this.#before)) {
      const idOf = (key: string) => key.slice(uploadPrefix.length).split('/', 1)[0]!
      const known = await findUploads(database.sql, [...new Set(batch.map(({ key }) => idOf(key)))])
      await this.#deleteOrphans(batch.filter(({ key }) => !known.has(idOf(key))))
    }
  }

  async collectOrphans(): Promise<void> {
    const { database, objects } = this.#parts
    let seen = 0
    for await (const batch of oldObjects(objects, xorbPrefix, this.#before)) {
      seen += batch.length
      this.#options.progress('objects', seen)
      const byHash = new Map<string, { key: string; size: number }>()
      for (const object of batch) {
        const hash = xorbHashOf(object.key)
        if (hash !== undefined) byHash.set(hash, object)
      }
      for (const hash of (await findXorbs(database.sql, byHash.keys())).keys()) byHash.delete(hash)
      if (byHash.size === 0) continue
      const names = [...byHash.keys()]
      const now = this.#parts.clock()
      const doomed = this.#options.dryRun
        ? names
        : await database.transaction(tx => doomOrphans(tx, names, now))
      this.#countOrphans(doomed.map(hash => byHash.get(hash)!))
      if (!this.#options.dryRun) await deleteDoomed(this.#parts, doomed, now)
    }
  }

  #countOrphans(orphans: readonly { size: number }[]): void {
    this.report.orphans += orphans.length
    for (const { size } of orphans) this.report.orphanBytes += size
  }

  async #deleteOrphans(orphans: readonly { key: string; size: number }[]): Promise<void> {
    this.#countOrphans(orphans)
    if (this.#options.dryRun) return
    await deleteAll(
      this.#parts.objects,
      orphans.map(({ key }) => key),
    )
  }
}

async function deleteAll(objects: ObjectStore, keys: readonly string[]): Promise<void> {
  for (const batch of inBatches(keys, parallelDeletes))
    await Promise.all(batch.map(key => objects.delete(key)))
}

/** Objects under `prefix` that were stored at `before` or earlier, in batches. */
async function* oldObjects(
  objects: ObjectStore,
  prefix: string,
  before: number,
): AsyncGenerator<{ key: string; size: number }[]> {
  let batch: { key: string; size: number }[] = []
  for await (const { key, size, modifiedAt } of objects.list(prefix)) {
    if (modifiedAt > before) continue
    batch.push({ key, size })
    if (batch.length === 500) {
      yield batch
      batch = []
    }
  }
  if (batch.length > 0) yield batch
}
