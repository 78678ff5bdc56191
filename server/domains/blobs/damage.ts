import type { Clock } from '../../kernel/clock.ts'
import { HubError } from '../../kernel/errors.ts'
import { StoreBroken, storageFault } from '../../kernel/storage-faults.ts'
import type { Database } from '../../ports/database.ts'
import { ObjectMissing, ObjectShort, type ObjectStore } from '../../ports/objects.ts'
import { CorruptChunk } from './errors.ts'
import type { FramePool } from './frame-pool.ts'
import { limitParallel } from './limit-parallel.ts'
import { findXorbs, markDamaged } from './store-xorbs.ts'
import type { XorbsTable } from './tables.ts'
import { xorbKey } from './xorb-objects.ts'

interface Parts {
  readonly database: Database
  readonly objects: ObjectStore
  readonly frames: FramePool
  readonly clock: Clock
}

/**
 * Marks xorbs that are not what was stored (docs/decisions/0013): nothing is built upon them any more, and an upload
 * of the same content stores it anew.
 */
export class Damage {
  readonly #parts: Parts
  /** A xorb is read whole, up to 64 MiB. */
  readonly #oneAtATime = limitParallel(1)
  readonly #examining = new Map<string, Promise<void>>()

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /**
   * To be told what a read of this xorb has thrown. If it says that what is stored is damaged, the object is looked at as
   * a whole, for the fault may have been one of memory or of a row that has changed since, and marked. Never rejects.
   */
  async suspect(hash: string, error: unknown): Promise<void> {
    const isDamage =
      error instanceof CorruptChunk || error instanceof ObjectMissing || error instanceof ObjectShort
    if (!isDamage) return
    let examining = this.#examining.get(hash)
    if (!examining) {
      examining = this.#oneAtATime(() => this.#examine(hash))
        // A database that cannot be written: the next read finds it again.
        .catch(() => {})
        .finally(() => this.#examining.delete(hash))
      this.#examining.set(hash, examining)
    }
    await examining
  }

  async #examine(hash: string): Promise<void> {
    const { database, objects } = this.#parts
    const row = (await findXorbs(database.sql, [hash])).get(hash)
    if (!row || row.doomed_at !== null || row.damaged_at !== null) return
    const size = await objects.size(xorbKey(hash))
    if ((await inspectObject(this.#parts, row, size)) === undefined) return
    await markDamaged(database.sql, row, this.#parts.clock())
  }
}

/** What is wrong with an object as far as its size tells; undefined when it has the right one. */
export function measureObject(row: XorbsTable, size: number | undefined): string | undefined {
  const key = xorbKey(row.hash)
  if (size === undefined) return `its object ${key} is missing`
  if (size === row.object_bytes) return undefined
  return `its object ${key} has ${size} bytes, ${row.object_bytes} were stored`
}

/** The same, and reads it whole and hashes all that is in it. */
export async function inspectObject(
  parts: Pick<Parts, 'objects' | 'frames'>,
  row: XorbsTable,
  size: number | undefined,
): Promise<string | undefined> {
  const wrongSize = measureObject(row, size)
  if (wrongSize !== undefined) return wrongSize
  const key = xorbKey(row.hash)
  const bytes = Buffer.allocUnsafeSlow(row.object_bytes)
  let filled = 0
  try {
    // A stream opens the object anew: what is kept open may have been replaced by another process.
    for await (const piece of parts.objects.stream(key)) {
      if (filled + piece.length > bytes.length) return measureObject(row, filled + piece.length)
      bytes.set(piece, filled)
      filled += piece.length
    }
  } catch (error) {
    const isHere = error instanceof HubError || storageFault(error) instanceof StoreBroken
    if (!isHere) throw error
    return `cannot be read: ${(error as Error).message}`
  }
  const fault = await parts.frames.inspect(bytes.subarray(0, filled), row.hash)
  return fault && `its object ${key} is damaged: ${fault}`
}
