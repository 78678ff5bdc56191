import { closeSync, openSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import SqliteHandle from 'better-sqlite3'
import { Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Database, Lookup, Memo, Sql } from '../ports/database.ts'
import { runMigrations } from './database-migrate.ts'
import { makeFolder } from './durable-folders.ts'
import { remembered } from './remembered.ts'
import { SqliteDialect } from './sqlite-dialect.ts'
import { TableStamps } from './table-stamps.ts'
import { TransactionScope } from './transaction-scope.ts'

/** What must hold, as SQLite gives it back: WAL, FULL, on, UTF-8 (text then sorts by code point). */
const pragmas = { journal_mode: 'wal', synchronous: 2, foreign_keys: 1, encoding: 'UTF-8' }

/** SQLite's own wait for another process's lock stops the event loop, so it is short; the dialect waits on. */
const blockingLockWaitMs = 20

/**
 * The embedded database: one file, which several processes may have open at once (not over a network file system).
 * The folder is made when it is missing, for this user alone, and so is the file.
 */
export async function openSqlite(path: string): Promise<Database> {
  const file = resolve(path)
  await makeFolder(dirname(file))
  createPrivate(file)
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
function createPrivate(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

function setPragmas(handle: SqliteHandle.Database): void {
  // The switch to WAL needs the file alone for a moment, and two processes may start at once.
  handle.pragma('busy_timeout = 10000')
  handle.pragma('journal_mode = WAL')
  handle.pragma('synchronous = FULL')
  handle.pragma('foreign_keys = ON')
  for (const [name, wanted] of Object.entries(pragmas)) {
    const found = handle.pragma(name, { simple: true })
    if (found !== wanted) {
      throw new Error(
        `${handle.name}: pragma ${name} is ${found}, not ${wanted}. Is its file system one without locks?`,
      )
    }
  }
  handle.pragma(`busy_timeout = ${blockingLockWaitMs}`)
}

class SqliteDatabase implements Database {
  readonly kind = 'sqlite'
  readonly sql: Sql
  readonly #handle: SqliteHandle.Database
  readonly #scope = new TransactionScope()
  readonly #stamps = new TableStamps()
  readonly #version: SqliteHandle.Statement<[], number>
  #seenVersion = 0
  #isVersionFresh = false
  readonly #expireVersion = () => {
    this.#isVersionFresh = false
  }

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
   * Other processes write too (the command line beside the server), to tables that are not told. Looked at once for all
   * that runs in one go: until the promises that are settled have called everyone who waited for them, nothing new is
   * read from a socket, so no request is answered by a look from before it arrived.
   */
  #noteOthersWrites(): void {
    if (this.#isVersionFresh) return
    const version = this.#version.get() as number
    if (version !== this.#seenVersion) {
      this.#seenVersion = version
      this.#stamps.note(undefined)
    }
    this.#isVersionFresh = true
    // A tick that is asked for in a microtask comes when no microtask is left.
    queueMicrotask(() => process.nextTick(this.#expireVersion))
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

  async ping(): Promise<void> {
    await sql`select 1`.execute(this.sql)
  }

  async close(): Promise<void> {
    await this.sql.destroy()
    // Kysely destroys only what it has initialised, which it does at the first statement.
    this.#handle.close()
  }
}
