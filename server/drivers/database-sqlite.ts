import { closeSync, openSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { performance } from 'node:perf_hooks'
import SqliteHandle from 'better-sqlite3'
import { Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import { HubError } from '../kernel/errors.ts'
import type { Database, Lookup, Memo, Sql } from '../ports/database.ts'
import { runMigrations } from './database-migrate.ts'
import { makeFolder, syncFolder } from './durable-folders.ts'
import { remembered } from './remembered.ts'
import { SqliteDialect } from './sqlite-dialect.ts'
import { TableStamps } from './table-stamps.ts'
import { TransactionScope } from './transaction-scope.ts'

/** What must hold, as SQLite gives it back, and why the hub does not start without it. */
const pragmas = [
  [
    'journal_mode',
    'wal',
    'readers would wait for writers; its file system may be one without locks or shared memory',
  ],
  ['synchronous', 2, 'a commit that was acknowledged could be lost in a power cut'],
  ['fullfsync', 1, 'macOS would leave what is synced in the cache of the disk'],
  ['foreign_keys', 1, 'rows could refer to nothing'],
  ['encoding', 'UTF-8', 'text would not sort by code point'],
] as const

/** SQLite's own wait for another process's lock stops the event loop, so it is short; the dialect waits on. */
const blockingLockWaitMs = 20

/** SQLite cannot be made to work as the hub needs it. */
class DatabaseUnfit extends HubError {
  constructor(file: string, fault: string) {
    super(`the database ${file} cannot be used: ${fault}`)
  }
}

/**
 * The embedded database: one file, which several processes may have open at once (not over a network file system).
 * The folder is made when it is missing, for this user alone, and so is the file.
 */
export async function openSqlite(path: string): Promise<Database> {
  const file = resolve(path)
  await makeFolder(dirname(file))
  if (createPrivate(file)) await syncFolder(dirname(file))
  const handle = new SqliteHandle(file, { timeout: blockingLockWaitMs })
  try {
    setPragmas(handle)
  } catch (error) {
    handle.close()
    throw error
  }
  return new SqliteDatabase(handle)
}

/**
 * SQLite gives its -wal and -shm files the mode of the database, so making that one for its mode is enough. An
 * existing file must not be opened here: closing it would drop the locks that this process holds on it (POSIX).
 */
function createPrivate(file: string): boolean {
  try {
    closeSync(openSync(file, 'wx', 0o600))
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return false
  }
}

function setPragmas(handle: SqliteHandle.Database): void {
  // The switch to WAL needs the file alone for a moment, and two processes may start at once.
  handle.pragma('busy_timeout = 10000')
  handle.pragma('journal_mode = WAL')
  handle.pragma('synchronous = FULL')
  handle.pragma('fullfsync = ON')
  handle.pragma('foreign_keys = ON')
  for (const [name, wanted, otherwise] of pragmas) {
    const found = handle.pragma(name, { simple: true })
    if (found !== wanted)
      throw new DatabaseUnfit(handle.name, `${name} is ${found}, not ${wanted}: ${otherwise}`)
  }
  handle.pragma(`busy_timeout = ${blockingLockWaitMs}`)
}

const { nodeTiming } = performance

class SqliteDatabase implements Database {
  readonly kind = 'sqlite'
  readonly sql: Sql
  readonly #handle: SqliteHandle.Database
  readonly #scope = new TransactionScope()
  readonly #stamps = new TableStamps()
  readonly #version: SqliteHandle.Statement<[], number>
  #seenVersion = 0
  /** The turn of the event loop in which it was read. */
  #seenInTurn = -1

  constructor(handle: SqliteHandle.Database) {
    this.#handle = handle
    this.sql = new Kysely({ dialect: new SqliteDialect(handle, this.#scope, this.#stamps) })
    this.#version = handle.prepare<[], number>('pragma data_version').pluck()
  }

  transaction<T>(work: (tx: Sql) => Promise<T>): Promise<T> {
    return this.#scope.run(this.sql, work)
  }

  afterCommit(listener: () => void): void {
    this.#scope.afterCommit(listener)
  }

  remember<Value>(memo: Memo<Value>): Lookup<Value> {
    const stamp = this.#stamps.over(memo.tables)
    return remembered(memo, () => {
      this.#scope.refuseInside()
      this.#noteOthersWrites()
      return stamp()
    })
  }

  /**
   * Other processes write too (the command line beside the server), to tables that are not told. Looked at once a turn:
   * the loop counts a turn just before it takes what has arrived on sockets, so a request that came after a write is
   * never answered by a look from before it.
   */
  #noteOthersWrites(): void {
    const turn = nodeTiming.uvMetricsInfo.loopCount
    if (turn === this.#seenInTurn) return
    this.#seenInTurn = turn
    const version = this.#version.get() as number
    if (version === this.#seenVersion) return
    this.#seenVersion = version
    this.#stamps.note(undefined)
  }

  isDuplicate(error: unknown): boolean {
    return (
      error instanceof SqliteHandle.SqliteError &&
      (error.code === 'SQLITE_CONSTRAINT_UNIQUE' || error.code === 'SQLITE_CONSTRAINT_PRIMARYKEY')
    )
  }

  migrate(migrations: Readonly<Record<string, Migration>>): Promise<void> {
    return runMigrations(this.sql, migrations)
  }

  async check(): Promise<string[]> {
    try {
      const rows = this.#handle.pragma('integrity_check(100)') as { integrity_check: string }[]
      const orphans = this.#handle.pragma('foreign_key_check') as { table: string; parent: string }[]
      return [
        ...rows.map(row => row.integrity_check).filter(words => words !== 'ok'),
        ...orphans.slice(0, 100).map(row => `a row of ${row.table} refers to none of ${row.parent}`),
      ].slice(0, 100)
    } catch (error) {
      if (error instanceof SqliteHandle.SqliteError) return [error.message]
      throw error
    }
  }

  async ping(): Promise<void> {
    await sql`select 1`.execute(this.sql)
  }

  async close(): Promise<void> {
    await this.sql.destroy()
    // Kysely destroys only what it has initialised, which it does at the first statement.
    this.#handle.close()
  }
}
