import type { Route } from '../../http/route.ts'
import type { Sql } from '../../ports/database.ts'
import type { JobHandler } from '../../ports/queue.ts'
import type { CasClaims, CasToken } from './cas-token.ts'
import type { CheckReport, DamagedFiles } from './check.ts'
import type { CollectOptions, CollectReport } from './collect.ts'
import type { SharedFile } from './hold-files.ts'
import type { Announced } from './ingest-file.ts'
import type { FileRange } from './read-file.ts'
import type { StoredFile } from './stored-file.ts'
import type { MultipartUpload } from './upload-parts.ts'

type Source = AsyncIterable<Uint8Array>
type Files = Map<string, StoredFile>

/** Each function's errors and limits are written where it is made. Sha256s not found are missing from a result. */
export interface Blobs {
  describe(holder: string, sha256s: Iterable<string>): Promise<Files>
  /** The same of one, remembered. */
  find(holder: string, sha256: string): Promise<StoredFile | undefined> | StoredFile | undefined
  /** Sizes of the files that commits of `holder` refer to, the same content once. */
  heldBytes(holder: string): Promise<number>
  /**
   * Each piece is good until the next one is asked for. Throws FileRefuted at the call; CorruptChunk or FileNotKnown as
   * it is read.
   */
  read(file: StoredFile, range?: FileRange): AsyncIterable<Uint8Array>
  /** A plain stream becomes a proven file of `holder`, or ContentMismatch. */
  ingest(holder: string, source: Source, announced: Announced): Promise<StoredFile>
  beginMultipart(holder: string, sha256: string, size: number): Promise<MultipartUpload>
  putPart(id: string, number: number, source: Source): Promise<void>
  completeMultipart(id: string): Promise<StoredFile>
  /** In the transaction of a commit that refers to them. Throws FileNotHeld or FileRefuted. */
  hold(tx: Sql, holder: string, sha256s: readonly string[]): Promise<void>
  /** Has all of them read that nobody has read yet; refuted ones are found by `take` and `hold`. */
  prove(holder: string, sha256s: readonly string[]): Promise<void>
  /** `to` may refer to what `from` has uploaded, as if it had itself. Throws FileNotHeld or FileRefuted. */
  take(tx: Sql, files: { from: string; to: string; sha256s: readonly string[] }): Promise<void>
  /** Of the files those that `to` may refer to from now on, as if it had uploaded them: its commit has to hold them. */
  share(tx: Sql, files: { from: string; to: string; files: readonly SharedFile[] }): Promise<Set<string>>
  /** `to` holds what commits of `from` refer to: a page after sha256 `last`. Returns where the next one begins. */
  sharePage(tx: Sql, page: { from: string; to: string; last: string }): Promise<string | undefined>
  /** What commits of `holder` refer to: a page in order of sha256, those after `last`. */
  committed(
    holder: string,
    last: string,
    limit: number,
  ): Promise<readonly (StoredFile & { committedAt: number })[]>
  /** Since when commits of `holder` refer to these, in milliseconds; those that none refers to are missing. */
  committedAt(holder: string, sha256s: Iterable<string>): Promise<Map<string, number>>
  release(tx: Sql, holder: string, sha256s: readonly string[]): Promise<void>
  /** The holder is gone. To be called until it returns 0, in a transaction each time. */
  releaseHolder(tx: Sql, holder: string): Promise<number>
  /** Those of these files that need a xorb which is known to be damaged. */
  findDamaged(fileHashes: Iterable<string>): Promise<Set<string>>
  /** Proven content, whole as far as is known, that this user could read somewhere. */
  findReadable(subject: string | undefined, sha256s: Iterable<string>): Promise<Files>
  /** The same, and `holder` refers to it from now on as if it had been uploaded. */
  adopt(subject: string | undefined, holder: string, sha256s: Iterable<string>): Promise<Files>
  issueToken(claims: CasClaims): CasToken
  /** Throws CasTokenRefused or CasScopeMissing. */
  admitCas(scope: CasClaims['scope'], authorization: string | undefined): Promise<CasClaims>
  collect(options: CollectOptions): Promise<CollectReport>
  check(options: { deep: boolean }, report: CheckReport): Promise<DamagedFiles>
  readonly routes: readonly Route[]
  readonly jobs: readonly JobHandler[]
  /** Ends the worker threads. */
  close(): Promise<void>
}
