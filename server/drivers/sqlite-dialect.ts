import { setTimeout as sleep } from 'node:timers/promises'
import type SqliteHandle from 'better-sqlite3'
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type Kysely,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import { LRUCache } from 'lru-cache'
import { checkSqlValue, type SqlValue, safeInteger } from './sql-values.ts'
import { type TableStamps, tableWritten } from './table-stamps.ts'
import type { TransactionScope } from './transaction-scope.ts'

type Handle = SqliteHandle.Database
type Statement = SqliteHandle.Statement<SqlValue[], Record<string, unknown>>

/** Other processes write too (the command line beside the server). This is how long a write waits for theirs. */
const lockWaitMs = 30_000

/**
 * Kysely over one better-sqlite3 handle. It differs from Kysely's own dialect where a server needs it:
 * a transaction takes the write lock at its start, so it never fails half-way because another process wrote;
 * waiting for that lock leaves the event loop and the other reads of the process free; prepared statements are kept
 * (a point query takes 10 µs instead of 30); integers are exact; schema changes are transactional, as SQLite's are.
 */
export class SqliteDialect implements Dialect {
  readonly #handle: Handle
  readonly #scope: TransactionScope
  readonly #stamps: TableStamps

  constructor(handle: Handle, scope: TransactionScope, stamps: TableStamps) {
    this.#handle = handle
    this.#scope = scope
    this.#stamps = stamps
  }

  createDriver(): Driver {
    return new SqliteDriver(this.#handle, this.#scope, this.#stamps)
  }

  createQueryCompiler(): SqliteQueryCompiler {
    return new SqliteQueryCompiler()
  }

  createAdapter(): SqliteAdapter {
    return new TransactionalAdapter()
  }

  // biome-ignore lint/suspicious/noExplicitAny: as Kysely declares it.
  createIntrospector(db: Kysely<any>): SqliteIntrospector {
    return new SqliteIntrospector(db)
  }
}

class TransactionalAdapter extends SqliteAdapter {
  /** Kysely's lock around each statement is not needed: the driver's own lets reads pass while a write waits. */
  override get supportsMultipleConnections(): boolean {
    return true
  }

  override get supportsTransactionalDdl(): boolean {
    return true
  }
}

/** Hands out a Connection per user of the one handle, and decides whose turn it is. */
class SqliteDriver implements Driver {
  readonly #handle: Handle
  readonly #scope: TransactionScope
  readonly #stamps: TableStamps
  readonly #turn = new Turn()
  readonly #statements = new LRUCache<string, Statement>({ max: 500 })
  #owner: Connection | undefined
  /** Why the open transaction can only be rolled back. */
  #doom: unknown
  /** Tables that the open transaction has written; undefined for any. */
  readonly #written = new Set<string | undefined>()

  constructor(handle: Handle, scope: TransactionScope, stamps: TableStamps) {
    this.#handle = handle
    this.#scope = scope
    this.#stamps = stamps
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<Connection> {
    this.#scope.refuseInside()
    return new Connection(this)
  }

  async execute<R>(connection: Connection, query: CompiledQuery): Promise<QueryResult<R>> {
    if (connection !== this.#owner) return await this.#inTurn(() => this.#run<R>(query), false)
    // PostgreSQL ends a transaction at the first statement that fails; SQLite would go on. One rule for both.
    if (this.#doom !== undefined) throw doomed(this.#doom)
    try {
      return this.#run(query)
    } catch (error) {
      this.#doom = error
      throw error
    }
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await this.#inTurn(() => this.#handle.exec('begin immediate'), true)
    this.#owner = connection as Connection
    this.#doom = undefined
  }

  async commitTransaction(): Promise<void> {
    if (this.#doom !== undefined) throw doomed(this.#doom)
    try {
      this.#handle.exec('commit')
    } finally {
      // Also when the disk failed: who knows what is on it.
      for (const table of this.#written) this.#stamps.note(table)
    }
    this.#end()
  }

  async rollbackTransaction(): Promise<void> {
    try {
      // A full disk or a read fault has SQLite roll back by itself.
      if (this.#handle.inTransaction) this.#handle.exec('rollback')
    } finally {
      this.#end()
    }
  }

  async releaseConnection(): Promise<void> {}

  async destroy(): Promise<void> {
    await this.#turn.take()
    this.#statements.clear()
    this.#handle.close()
    // Whoever still waits learns that the database is closed.
    this.#turn.give()
  }

  #end(): void {
    this.#owner = undefined
    this.#written.clear()
    this.#turn.give()
  }

  /**
   * Runs `action` while no transaction of this process is open. While another process holds the write lock it stands
   * back and tries again.
   */
  async #inTurn<T>(action: () => T, keepTurn: boolean): Promise<T> {
    const deadline = performance.now() + lockWaitMs
    for (;;) {
      const turn = this.#turn.take()
      if (turn) await turn
      let isDone = false
      try {
        const result = action()
        isDone = true
        return result
      } catch (error) {
        if (!isBusy(error)) throw error
        if (performance.now() > deadline) {
          throw new Error(`another process kept ${this.#handle.name} locked for over ${lockWaitMs} ms`, {
            cause: error,
          })
        }
      } finally {
        if (!keepTurn || !isDone) this.#turn.give()
      }
      await sleep(5 + Math.random() * 20)
    }
  }

  #run<R>(query: CompiledQuery): QueryResult<R> {
    const statement = this.#prepare(query.sql)
    const values = query.parameters.map(bindable)
    if (!statement.readonly) this.#noteWrite(tableWritten(query))
    if (!statement.reader) {
      const { changes } = statement.run(...values)
      return { numAffectedRows: BigInt(changes), rows: [] }
    }
    const rows = statement.all(...values)
    for (const row of rows) {
      for (const column in row) {
        const value = row[column]
        if (typeof value === 'bigint') row[column] = safeInteger(value)
      }
    }
    return { rows: rows as R[] }
  }

  /** In a transaction it counts from the commit on. */
  #noteWrite(table: string | undefined): void {
    if (this.#owner) this.#written.add(table)
    else this.#stamps.note(table)
  }

  #prepare(sql: string): Statement {
    const kept = this.#statements.get(sql)
    if (kept) return kept
    const statement: Statement = this.#handle.prepare<SqlValue[], Record<string, unknown>>(sql)
    statement.safeIntegers(true)
    this.#statements.set(sql, statement)
    return statement
  }
}

/** One user's view of the handle: a statement, or a transaction while it is the driver's owner. */
class Connection implements DatabaseConnection {
  readonly #driver: SqliteDriver

  constructor(driver: SqliteDriver) {
    this.#driver = driver
  }

  executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    return this.#driver.execute<R>(this, query)
  }

  // biome-ignore lint/correctness/useYield: refuses, but must be a generator by its type.
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error(
      'rows are not streamed: an open cursor would block every write of the process. Read page by page',
    )
  }
}

/** A lock that is handed on in the order of asking. `take` gives nothing to await when it is free. */
class Turn {
  #isTaken = false
  readonly #waiting: (() => void)[] = []

  take(): Promise<void> | undefined {
    if (!this.#isTaken) {
      this.#isTaken = true
      return undefined
    }
    return new Promise(resolve => {
      this.#waiting.push(resolve)
    })
  }

  give(): void {
    const next = this.#waiting.shift()
    if (next) next()
    else this.#isTaken = false
  }
}

/** better-sqlite3 binds every number as a real, which would make `n / 2` a fraction: an integer goes as bigint. */
function bindable(value: unknown): SqlValue {
  const checked = checkSqlValue(value)
  return typeof checked === 'number' && Number.isInteger(checked) ? BigInt(checked) : checked
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('SQLITE_BUSY')
}

function doomed(cause: unknown): Error {
  return new Error('a statement of this transaction has failed, so it can only be rolled back', { cause })
}
