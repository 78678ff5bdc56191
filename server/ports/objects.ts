import { HubError } from '../kernel/errors.ts'

/**
 * The object store: every byte. Keys are `a/b/c` of `[a-z0-9._-]` segments; an object never changes once it is
 * stored, so whoever holds a key may cache its bytes for ever.
 */
export interface ObjectStore {
  /**
   * Stores an object whole or not at all. When it resolves the bytes survive a power cut. A key that exists is left
   * alone (`existed`): the bytes behind a key are always the same.
   */
  put(key: string, bytes: Uint8Array | AsyncIterable<Uint8Array>): Promise<'stored' | 'existed'>
  /** Streams bytes [start, end) in pieces of about 1 MiB; without a range the whole. Rejects with ObjectMissing at the first pull. */
  stream(key: string, range?: { start: number; end: number }): AsyncIterable<Uint8Array>
  /** Bytes [start, end) at once; throws ObjectMissing, or ObjectShort when the object ends before `end`. */
  read(key: string, start: number, end: number): Promise<Uint8Array>
  /** Size in bytes, or undefined when there is no such object. */
  size(key: string): Promise<number | undefined>
  delete(key: string): Promise<void>
  /** Objects whose key starts with `prefix` (a whole number of segments, ending in `/`), in no order. */
  list(prefix: string): AsyncIterable<{ key: string; size: number; modifiedAt: number }>
  /** Makes the object a local file at `path` (hard link where that is possible, else a copy); fine when it is there already. */
  materialise(key: string, path: string): Promise<void>
  ping(): Promise<void>
}

export class ObjectMissing extends HubError {
  readonly key: string
  constructor(key: string) {
    super(`object ${key} is not in the store`)
    this.key = key
  }
}

export class ObjectShort extends HubError {
  readonly key: string
  constructor(key: string, end: number) {
    super(`object ${key} ends before byte ${end}`)
    this.key = key
  }
}

/** The medium under the store is full. Nothing was stored. */
export class StoreFull extends HubError {
  constructor() {
    super('the object store is full')
  }
}
