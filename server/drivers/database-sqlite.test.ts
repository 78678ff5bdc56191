import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, stat as statLater } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import SqliteHandle from 'better-sqlite3'
import { type Kysely, sql } from 'kysely'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { databaseSuite } from '../ports/database.suite.ts'
import { openSqlite } from './database-sqlite.ts'

const root = mkdtempSync(join(tmpdir(), 'banyan-sqlite-'))
let made = 0
const newPath = () => join(root, String(made++), 'deeper', 'banyan.sqlite')

afterAll(() => rmSync(root, { recursive: true }))

databaseSuite('SQLite', async () => {
  const path = newPath()
  return () => openSqlite(path)
})

describe('openSqlite', () => {
  it('keeps folder and files to this user', async () => {
    const path = newPath()
    const database = await openSqlite(path)
    await sql`create table t (n integer)`.execute(database.sql)
    const files = await readdir(join(path, '..'))
    expect(files.sort()).toEqual(['banyan.sqlite', 'banyan.sqlite-shm', 'banyan.sqlite-wal'])
    for (const file of files) expect((await stat(join(path, '..', file))).mode & 0o777).toBe(0o600)
    expect((await stat(join(path, '..'))).mode & 0o777).toBe(0o700)
    await database.close()
    expect(await readdir(join(path, '..'))).toEqual(['banyan.sqlite'])
  })

  it('syncs each commit, logs ahead and checks foreign keys', async () => {
    const database = await openSqlite(newPath())
    const { rows } =
      await sql`select * from pragma_synchronous, pragma_journal_mode, pragma_foreign_keys`.execute(
        database.sql,
      )
    expect(rows).toEqual([{ synchronous: 2, journal_mode: 'wal', foreign_keys: 1 }])
    await database.close()
  })

  it.each([
    ['synchronous', 'synchronous is 1, not 2: a commit that was acknowledged could be lost in a power cut'],
    ['journal_mode', 'journal_mode is delete, not wal'],
    ['foreign_keys', 'foreign_keys is 0, not 1'],
  ])('refuses to start where %s cannot be had', async (name, words) => {
    const real = SqliteHandle.prototype.pragma
    vi.spyOn(SqliteHandle.prototype, 'pragma').mockImplementation(function (
      this: SqliteHandle.Database,
      ...args
    ) {
      // What SQLite does with what it does not know or cannot do: nothing, without a word. 1 is this build's own choice.
      if (args[0].startsWith(`${name} =`))
        return real.call(this, name === 'journal_mode' ? name : `${name} = ${name === 'synchronous' ? 1 : 0}`)
      return real.apply(this, args)
    })
    const path = newPath()
    await expect(openSqlite(path)).rejects.toThrow(words)
    await expect(openSqlite(path)).rejects.toThrow(path)
    vi.restoreAllMocks()
    await (await openSqlite(path)).close()
  })

  it('loads what is remembered once, until one of its tables is written', async () => {
    const database = await openSqlite(newPath())
    for (const table of ['a', 'b'])
      await sql`create table ${sql.table(table)} (n integer)`.execute(database.sql)
    let loads = 0
    const answer = database.remember({ tables: ['a'], max: 10, load: async () => ++loads })
    const write = (table: string) =>
      (database.sql as Kysely<Record<string, { n: number }>>).insertInto(table).values({ n: 1 }).execute()
    expect(await Promise.all([answer('x'), answer('x')])).toEqual([1, 1])
    await write('b')
    await sql`select 1`.execute(database.sql)
    expect([await answer('x'), loads]).toEqual([1, 1])
    await write('a')
    expect([await answer('x'), loads]).toEqual([2, 2])
    await database.close()
  })

  it('remembers nothing over what another process wrote before bytes arrived, in whatever phase it was asked', async () => {
    const path = newPath()
    const database = await openSqlite(path)
    await sql`create table t (n integer)`.execute(database.sql)
    const count = database.remember({
      tables: ['t'],
      max: 10,
      async load() {
        const { rows } = await sql<{ n: number }>`select count(*) as n from t`.execute(database.sql)
        return rows[0]?.n
      },
    })
    const other = new SqliteHandle(path)
    const asked = [
      (callback: () => void) => setImmediate(callback),
      (callback: () => void) => setTimeout(callback, 1),
      (callback: () => void) => stat(path).then(callback),
    ]
    for (const [n, ask] of asked.entries()) {
      const arrived = new Promise<unknown>(resolve => {
        ask(async () => {
          expect(await count('')).toBe(n)
          other.exec('insert into t values (1)')
          // Comes by the event loop, as a request does; it has arrived when the loop looks for the first time.
          statLater(path, () => resolve(count('')))
          for (const arrivedBy = performance.now() + 5; performance.now() < arrivedBy; );
        })
      })
      expect(await arrived).toBe(n + 1)
    }
    other.close()
    await database.close()
  })

  it('refuses a file that is not a database', async () => {
    await expect(openSqlite(process.execPath)).rejects.toThrow('not a database')
  })

  it('reads on while another process holds the write lock, and writes when it lets go', async () => {
    const path = newPath()
    const database = await openSqlite(path)
    await sql`create table t (n integer)`.execute(database.sql)
    const other = new SqliteHandle(path)
    other.exec('begin immediate; insert into t values (1)')
    let isWritten = false
    const writes = Promise.all([
      database.transaction(tx => sql`insert into t values (2)`.execute(tx)),
      sql`insert into t values (3)`.execute(database.sql),
    ]).then(() => {
      isWritten = true
    })
    const count = async () => {
      const { rows } = await sql<{ n: number }>`select count(*) as n from t`.execute(database.sql)
      return rows[0]?.n
    }
    for (let i = 0; i < 20; i++) {
      expect(await count()).toBe(0)
      await sleep(10)
    }
    expect(isWritten).toBe(false)
    other.exec('commit')
    other.close()
    await writes
    expect(await count()).toBe(3)
    await database.close()
  })

  it('starts, migrates and counts right in several real processes', async () => {
    const path = newPath()
    const program = `
      import { openSqlite } from ${JSON.stringify(import.meta.resolve('./database-sqlite.ts'))}
      import { sql } from ${JSON.stringify(import.meta.resolve('kysely'))}
      const database = await openSqlite(${JSON.stringify(path)})
      await database.migrate({
        '0001_counter': {
          async up(db) {
            await sql\`create table counter (n bigint)\`.execute(db)
            await sql\`insert into counter values (0)\`.execute(db)
          },
        },
      })
      for (let i = 0; i < 40; i++) {
        await database.transaction(async tx => {
          const { rows } = await sql\`select n from counter\`.execute(tx)
          await sql\`update counter set n = \${rows[0].n + 1}\`.execute(tx)
        })
      }
      await database.close()`
    const ends = await Promise.all(
      [1, 2, 3].map(async () => {
        const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
          stdio: 'inherit',
        })
        return (await once(child, 'exit'))[0]
      }),
    )
    expect(ends).toEqual([0, 0, 0])
    const database = await openSqlite(path)
    const { rows } = await sql`select n from counter`.execute(database.sql)
    expect(rows).toEqual([{ n: 120 }])
    await database.close()
  })
})
