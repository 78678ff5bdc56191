import { Kysely, PostgresDialect, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import pg from 'pg'
import type { Database, Lookup, Memo, Sql } from '../ports/database.ts'
import { runMigrations } from './database-migrate.ts'
import { checkSqlValue, safeInteger } from './sql-values.ts'
import { TransactionScope } from './transaction-scope.ts'

/** For one node; PostgreSQL allows 100 connections in all unless it is told otherwise. */
const connections = 16
const connectMs = 10_000
const statementMs = 30_000
/** A transaction only awaits SQL; one that idles this long holds its locks by a fault. */
const idleInTransactionMs = 60_000
/** How often a transaction runs again when the database has rolled it back to let another one pass. */
const retries = 3

/**
 * The database for when one node has been outgrown. `url` is a PostgreSQL connection URI, TLS by its `sslmode`.
 * Throws when the database cannot be reached, or sorts or stores text in another way than the embedded one.
 */
export async function openPostgres(url: string): Promise<Database> {
  const database = new PostgresDatabase(url)
  try {
    await checkSettings(database.sql)
  } catch (error) {
    await database.close()
    throw error
  }
  return database
}

class PostgresDatabase implements Database {
  readonly kind = 'postgres'
  readonly sql: Sql
  readonly #url: string
  readonly #scope = new TransactionScope()

  constructor(url: string) {
    this.#url = url
    const pool = new pg.Pool({
      ...poolConfig(url),
      Client: CheckedClient,
      max: connections,
      statement_timeout: statementMs,
      idle_in_transaction_session_timeout: idleInTransactionMs,
    })
    // A connection that breaks while idle is dropped by the pool; without a listener it would end the process.
    pool.on('error', () => {})
    this.sql = new Kysely({
      dialect: new PostgresDialect({
        pool: {
          options: pool.options,
          connect: async () => {
            this.#scope.refuseInside()
            return await pool.connect()
          },
          end: () => pool.end(),
        },
      }),
    })
  }

  async transaction<T>(work: (tx: Sql) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#scope.run(this.sql, work)
      } catch (error) {
        if (!isVictim(error) || attempt > retries) throw error
      }
    }
  }

  afterCommit(listener: () => void): void {
    this.#scope.afterCommit(listener)
  }

  /** Other processes write, and ask nobody: a stamp would have to be fetched, which costs what the answer costs. */
  remember<Value>(memo: Memo<Value>): Lookup<Value> {
    return key => memo.load(key)
  }

  isDuplicate(error: unknown): boolean {
    return codeOf(error) === '23505'
  }

  /**
   * On a connection of its own: an index over a large table, or the wait for another process's migration, outlasts
   * any sane statement timeout; and Kysely asks the catalogue with booleans, which CheckedClient refuses.
   */
  async migrate(migrations: Readonly<Record<string, Migration>>): Promise<void> {
    const pool = new pg.Pool({ ...poolConfig(this.#url), max: 1 })
    pool.on('error', () => {})
    const migrating = new Kysely({ dialect: new PostgresDialect({ pool }) })
    try {
      await runMigrations(migrating, migrations)
    } finally {
      await migrating.destroy()
    }
  }

  /** PostgreSQL finds damage by its own checksums and tools. */
  async check(): Promise<string[]> {
    return []
  }

  async ping(): Promise<void> {
    await sql`select 1`.execute(this.sql)
  }

  async close(): Promise<void> {
    await this.sql.destroy()
  }
}

function poolConfig(url: string): pg.PoolConfig {
  return {
    connectionString: url,
    connectionTimeoutMillis: connectMs,
    application_name: 'banyan',
    types,
  }
}

/** Refuses the same values as the embedded database, before they are sent. */
class CheckedClient extends pg.Client {
  // biome-ignore lint/suspicious/noExplicitAny: pg overloads `query` nine ways; only (sql, values) is used with values.
  override query(...args: any[]): any {
    const values = args[1]
    if (Array.isArray(values)) for (const value of values) checkSqlValue(value)
    // biome-ignore lint/suspicious/noExplicitAny: as above.
    return (super.query as any)(...args)
  }
}

const types = new pg.TypeOverrides()
types.setTypeParser(pg.types.builtins.INT8, safeInteger)
// Sums of bigint are numeric; averages have a fraction, and are rounded to a double like everywhere else.
types.setTypeParser(pg.types.builtins.NUMERIC, (text: string) =>
  /^-?\d+$/.test(text) ? safeInteger(text) : Number(text),
)

function codeOf(error: unknown): unknown {
  return error instanceof pg.DatabaseError ? error.code : undefined
}

/** Deadlock found, or serialization failure: rolled back whole, to run again. */
function isVictim(error: unknown): boolean {
  const code = codeOf(error)
  return code === '40P01' || code === '40001'
}

interface Settings {
  encoding: string
  provider: string
  collation: string
  ctype: string
  locale: string | null
  synchronous_commit: string
}

/**
 * Cursors of lists compare text in the database and in the code, and search folds case as the embedded database does:
 * both need the locale C.
 */
async function checkSettings(database: Sql): Promise<void> {
  // As JSON, because the columns' names differ between versions of PostgreSQL.
  const { rows } = await sql<Settings>`
    select pg_encoding_to_char(d.encoding) as encoding, to_jsonb(d) ->> 'datlocprovider' as provider,
      d.datcollate as collation, d.datctype as ctype, to_jsonb(d) ->> 'datlocale' as locale,
      current_setting('synchronous_commit') as synchronous_commit
    from pg_database d where d.datname = current_database()`.execute(database)
  const found = rows[0]!
  const isC = (name: string | null) => name === 'C' || name === 'POSIX'
  const sortsByCodePoint =
    found.provider === 'b'
      ? isC(found.locale)
      : found.provider === 'i'
        ? false
        : isC(found.collation) && isC(found.ctype)
  if (found.encoding !== 'UTF8' || !sortsByCodePoint) {
    const locale = found.locale ?? `${found.collation}/${found.ctype}`
    throw new Error(
      `the PostgreSQL database has the encoding ${found.encoding} and the locale ${locale}; Banyan needs UTF8 and C. ` +
        'Create it so: createdb --template=template0 --encoding=UTF8 --locale-provider=libc --locale=C banyan',
    )
  }
  if (found.synchronous_commit === 'off') {
    throw new Error(
      'synchronous_commit is off on the PostgreSQL server: a commit would not survive a power cut',
    )
  }
}
