import { LRUCache } from 'lru-cache'
import { isHashText } from '../../formats/xet-hash.ts'
import {
  decodeXorbFooter,
  MAX_XORB_CHUNKS,
  type XorbIndex,
  xorbFooterLength,
} from '../../formats/xorb-footer.ts'
import { HubError } from '../../kernel/errors.ts'
import { ObjectMissing, type ObjectStore } from '../../ports/objects.ts'
import { CorruptChunk } from './errors.ts'
import type { XorbsTable } from './tables.ts'

/** Everything under this prefix is a xorb: its frames as they came, then the standard footer and its length. */
export const xorbPrefix = 'xorbs/'

export function xorbKey(hash: string): string {
  return `${xorbPrefix}${hash.slice(0, 2)}/${hash}`
}

/** Index of a stored xorb, from its object alone. The footer is checked against the name. */
export async function readXorbIndex(
  objects: ObjectStore,
  hash: string,
  objectBytes: number,
): Promise<XorbIndex> {
  const tailBytes = Math.min(objectBytes, xorbFooterLength(MAX_XORB_CHUNKS))
  const tail = await objects.read(xorbKey(hash), objectBytes - tailBytes, objectBytes)
  return checkIndex(hash, objectBytes, tail)
}

function checkIndex(hash: string, objectBytes: number, tail: Uint8Array): XorbIndex {
  let index: XorbIndex
  try {
    index = decodeXorbFooter(`xorb ${hash}`, tail)
  } catch (error) {
    if (error instanceof HubError) throw new CorruptChunk(hash, undefined, error.message)
    throw error
  }
  if (index.hash !== hash) throw new CorruptChunk(hash, undefined, `its footer is that of xorb ${index.hash}`)
  const expected = index.framesLength + xorbFooterLength(index.frameEnds.length)
  if (expected !== objectBytes) {
    throw new CorruptChunk(hash, undefined, `its object has ${objectBytes} bytes, expected ${expected}`)
  }
  return index
}

/** Reads that may be on their way to the object store at once for one request. */
const parallelReads = 8

/** Indexes of xorbs, read from their objects and kept in memory up to a limit. */
export class XorbIndexes {
  readonly #cache: LRUCache<string, XorbIndex, XorbsTable>

  /** `suspect` is told of each xorb that cannot be read. */
  constructor(
    objects: ObjectStore,
    maxBytes: number,
    suspect: (hash: string, error: unknown) => Promise<void>,
  ) {
    this.#cache = new LRUCache({
      maxSize: maxBytes,
      sizeCalculation: index => index.frameEnds.length * 40 + 400,
      fetchMethod: async (_key, _stale, { context: row }) => {
        try {
          const tail = await objects.read(xorbKey(row.hash), row.frames_bytes, row.object_bytes)
          return checkIndex(row.hash, row.object_bytes, tail)
        } catch (error) {
          await suspect(row.hash, error)
          throw error
        }
      },
    })
  }

  async get(row: XorbsTable): Promise<XorbIndex> {
    // A xorb that was collected and came again may be compressed otherwise: another object, another index.
    const key = `${row.hash}/${row.created_at}/${row.object_bytes}`
    const index = await this.#cache.fetch(key, { context: row })
    if (!index) throw new ObjectMissing(xorbKey(row.hash))
    return index
  }

  /** The indexes of all `rows`, by hash. */
  async getAll(rows: Iterable<XorbsTable>): Promise<Map<string, XorbIndex>> {
    const indexes = new Map<string, XorbIndex>()
    const queue = [...rows]
    const worker = async (): Promise<void> => {
      for (let row = queue.shift(); row; row = queue.shift()) indexes.set(row.hash, await this.get(row))
    }
    await Promise.all(Array.from({ length: Math.min(parallelReads, queue.length) }, worker))
    return indexes
  }
}

/** Frames of chunks [start, end) of a stored xorb, in memory that workers share. */
export interface XorbFrames {
  readonly index: XorbIndex
  readonly start: number
  readonly end: number
  readonly bytes: Uint8Array
}

/** Bytes [start, end) of the object that hold chunks [chunkStart, chunkEnd). */
export function frameRange(
  index: XorbIndex,
  chunkStart: number,
  chunkEnd: number,
): { start: number; end: number } {
  return {
    start: chunkStart === 0 ? 0 : index.frameEnds[chunkStart - 1]!,
    end: index.frameEnds[chunkEnd - 1]!,
  }
}

/** The xorb that a key under `xorbPrefix` names, if it is one of ours. */
export function xorbHashOf(key: string): string | undefined {
  const hash = key.slice(xorbPrefix.length + 3)
  return isHashText(hash) && xorbKey(hash) === key ? hash : undefined
}
