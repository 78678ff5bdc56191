import type { Kysely, Migration } from 'kysely'

/**
 * The SQL store: every fact that is not bytes. Two drivers, one schema, one list of migrations.
 *
 * Portable SQL only: types `text`, `integer`, `bigint`, `bytea` (bytes), `double precision`; booleans are integer 0 | 1, times
 * are bigint milliseconds, sums and counts are read as number. No dialect functions outside a driver.
 */
export interface Database {
  readonly kind: 'sqlite' | 'postgres'
  /** Statements outside a transaction. A domain gives it its own tables: `sql.withTables<AccountTables>()`. */
  readonly sql: Sql
  /**
   * Runs `work` in one transaction that takes the write lock at its start (SQLite) or as rows are touched
   * (PostgreSQL, READ COMMITTED). Commits when the promise resolves, durable on disk by then; rolls back when it
   * rejects. Only SQL may be awaited inside: on SQLite every other statement of the process waits.
   */
  transaction<T>(work: (tx: Sql) => Promise<T>): Promise<T>
  /** True when `error` says that a unique or primary key exists already. */
  isDuplicate(error: unknown): boolean
  /** Brings the schema up to date; several processes may call it at once. Keys order the migrations. */
  migrate(migrations: Readonly<Record<string, Migration>>): Promise<void>
  /** Resolves when the database answers, rejects when it does not. */
  ping(): Promise<void>
  close(): Promise<void>
}

// biome-ignore lint/complexity/noBannedTypes: no table is known here; a domain names its own with `withTables`.
export type Sql = Kysely<{}>
