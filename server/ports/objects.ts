import { HubError } from '../kernel/errors.ts'

/**
 * The object store: every byte. Keys are `a/b/c` of `[a-z0-9._-]` segments that do not start with a dot; any other key
 * is MalformedInput. No key goes on below another. An object never changes once it is stored, so whoever holds a key
 * may cache its bytes for ever; only what a disk has damaged is put anew.
 */
export interface ObjectStore {
  /**
   * Stores an object whole or not at all; StoreFull or StoreReadOnly when the disk takes nothing, as from each call that
   * writes. When it resolves the bytes survive a power cut. A key that exists is left
   * alone (`existed`): the bytes behind a key are always the same. Then `bytes` may not have been
   * read, and the object counts as modified now, so that who collects old garbage lets it be.
   */
  put(key: string, bytes: Uint8Array | AsyncIterable<Uint8Array>): Promise<'stored' | 'existed'>
  /** Begins an object whose key is known only when it is whole, because it is made of what the object holds. */
  stage(): Promise<StagedObject>
  /**
   * Streams bytes [start, end) in pieces of about 1 MiB; without a range the whole. Rejects with ObjectMissing or
   * ObjectShort at the first pull. A reader that stops early lets go of the file or connection by `return` (as
   * `for await` does).
   */
  stream(key: string, range?: { start: number; end: number }): AsyncIterable<Uint8Array>
  /**
   * Bytes [start, end) at once; throws ObjectMissing, or ObjectShort when the object ends before `end`. They are read
   * into the beginning of `into` when that is given and large enough, else into new memory.
   */
  read(key: string, start: number, end: number, into?: Uint8Array): Promise<Uint8Array>
  /** Size in bytes, or undefined when there is no such object. */
  size(key: string): Promise<number | undefined>
  /** Fine when there is no such object. */
  delete(key: string): Promise<void>
  /**
   * Objects whose key starts with `prefix` (a whole number of segments, ending in `/`, or empty for all), in no
   * order. One that is put or deleted meanwhile may be listed or not.
   */
  list(prefix: string): AsyncIterable<ListedObject>
  /**
   * Gives the bytes of the object `from` the key `to` as well, as `put` would, without moving them where the store can;
   * both objects count as modified now. Rejects with ObjectMissing.
   */
  copy(from: string, to: string): Promise<'stored' | 'existed'>
  /** Makes the object a local file at `path` (hard link where that is possible, else a copy); fine when it is there already. */
  materialise(key: string, path: string): Promise<void>
  ping(): Promise<void>
  /** Lets go of files and connections. Nothing may be under way. */
  close(): Promise<void>
}

/** An object on its way in. Ends with `commit`, `replace` or `discard`. */
export interface StagedObject {
  /** `pieces` follow what came before, one call after the other. Until it resolves they must not change. */
  append(pieces: readonly Uint8Array[]): Promise<void>
  /** Stores it as `put` does. */
  commit(key: string): Promise<'stored' | 'existed'>
  /**
   * Stores it under a key whose object is missing or was found damaged, in the place of that one, whole or not at all.
   * Who reads meanwhile gets bytes of the one or of the other.
   */
  replace(key: string): Promise<void>
  /** Forgets it; nothing happens after `commit` or `replace`. */
  discard(): Promise<void>
}

export interface ListedObject {
  readonly key: string
  readonly size: number
  /** When the bytes were first stored, in milliseconds since the epoch: a put that finds them leaves it as it is. */
  readonly modifiedAt: number
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
