import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

/**
 * The SQL store: every fact that is not bytes. Two drivers, one schema, one list of migrations.
 *
 * Portable SQL only, no dialect functions outside a driver:
 * - types `text`, `integer` (to 2^31), `bigint` (sizes, times), `bytea` (bytes), `double precision`;
 * - booleans are integer 0 | 1, times are bigint milliseconds, absence is null; sums and counts are read as number;
 * - text sorts by code point and `lower` folds ASCII alone; `like` folds on SQLite only, so compare `lower(x)`;
 * - nulls sort first on SQLite and last on PostgreSQL, so sort by columns that are never null.
 *
 * Both drivers refuse the same values: booleans, dates and undefined (TypeError), integers beyond ±(2^53 - 1) written
 * or read (RangeError), text with U+0000 or half a surrogate pair (MalformedInput).
 */
export interface Database {
  readonly kind: 'sqlite' | 'postgres'
  /** Statements outside a transaction. A domain gives it its own tables: `sql.withTables<AccountTables>()`. */
  readonly sql: Sql
  /**
   * Runs `work` in one transaction that takes the write lock at its start (SQLite) or as rows are touched
   * (PostgreSQL, READ COMMITTED). Commits when the promise resolves, durable on disk by then; rolls back when it
   * rejects. Only SQL may be awaited inside: on SQLite every other statement of the process waits. A statement that
   * fails ends the transaction: catch a duplicate outside, or insert with `onConflict`. `sql` and `transaction` throw
   * inside. `work` runs again from its start when PostgreSQL has rolled it back to end a deadlock, so it changes
   * nothing but rows.
   */
  transaction<T>(work: (tx: Sql) => Promise<T>): Promise<T>
  /** Inside `work`: calls `listener` once the transaction has committed, and never when it has rolled back. */
  afterCommit(listener: () => void): void
  /**
   * A read that is asked for again and again: answers are kept, up to `max`, as long as none of the tables that it
   * reads from has been written, by whomever. So an answer is never older than the last commit before the question.
   * Of time it knows nothing: what holds until an hour must be looked at by the caller. Values are shared, so they
   * must not be changed; `undefined` is not kept. Throws inside a transaction. PostgreSQL, where other processes write unseen, loads each time.
   */
  remember<Value>(memo: Memo<Value>): Lookup<Value>
  /** True when `error` says that a unique or primary key exists already. */
  isDuplicate(error: unknown): boolean
  /** Brings the schema up to date; several processes may call it at once. Keys order the migrations. */
  migrate(migrations: Readonly<Record<string, Migration>>): Promise<void>
  /** Reads all of it. Gives what is wrong with how it is stored, a line each, at most 100. */
  check(): Promise<string[]>
  /** Resolves when the database answers, rejects when it does not. */
  ping(): Promise<void>
  close(): Promise<void>
}

export interface Memo<Value> {
  /** All tables that `load` reads from, and those from which a delete cascades into them. */
  readonly tables: readonly string[]
  /** How many answers are kept. */
  readonly max: number
  load(key: string): Promise<Value>
}

/** The answer itself when it is remembered, and a promise of it when it is loaded. */
export type Lookup<Value> = (key: string) => Value | Promise<Value>

// biome-ignore lint/complexity/noBannedTypes: no table is known here; a domain names its own with `withTables`.
export type Sql = Kysely<{}>
