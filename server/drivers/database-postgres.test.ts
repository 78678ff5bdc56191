import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startPostgres, type TestPostgres } from '../../test/postgres.ts'
import { databaseSuite } from '../ports/database.suite.ts'
import { openPostgres } from './database-postgres.ts'

let server: TestPostgres

beforeAll(async () => {
  server = await startPostgres()
})

afterAll(() => server?.stop())

databaseSuite('PostgreSQL', async () => {
  const url = await server.createDatabase()
  return () => openPostgres(url)
})

describe('openPostgres', () => {
  it('runs against the version that the documentation names', async () => {
    const database = await openPostgres(await server.createDatabase())
    const { rows } = await sql<{ server_version: string }>`show server_version`.execute(database.sql)
    expect(rows[0]?.server_version).toMatch(/^18\./)
    await database.close()
  })

  it.each([
    ["template template0 locale_provider icu icu_locale 'en'", 'locale en'],
    ["template template0 locale_provider builtin builtin_locale 'C.UTF-8'", 'locale C.UTF-8'],
    ["template template0 encoding 'SQL_ASCII'", 'encoding SQL_ASCII'],
  ])('refuses a database made with %s, and says how to make one', async (options, found) => {
    const url = await server.createDatabase(options)
    await expect(openPostgres(url)).rejects.toThrow(found)
    await expect(openPostgres(url)).rejects.toThrow('createdb --template=template0')
  })

  it('takes the C locale of either provider', async () => {
    for (const options of ['locale_provider libc', "locale_provider builtin builtin_locale 'C'"]) {
      const database = await openPostgres(await server.createDatabase(`template template0 ${options}`))
      await database.close()
    }
  })

  it('refuses a server that would lose commits', async () => {
    const url = await server.createDatabase()
    const database = await openPostgres(url)
    await sql`alter database ${sql.id(new URL(url).pathname.slice(1))} set synchronous_commit = off`.execute(
      database.sql,
    )
    await database.close()
    await expect(openPostgres(url)).rejects.toThrow('synchronous_commit')
  })

  it('says that it cannot reach the server', async () => {
    await expect(openPostgres('postgres://nobody@127.0.0.1:1/nothing')).rejects.toThrow('ECONNREFUSED')
  })

  it('limits how long a statement runs, and how long a transaction idles', async () => {
    const database = await openPostgres(await server.createDatabase())
    const { rows } = await sql`select current_setting('statement_timeout') as statement,
      current_setting('idle_in_transaction_session_timeout') as idle`.execute(database.sql)
    expect(rows).toEqual([{ statement: '30s', idle: '1min' }])
    await database.close()
  })

  it('goes on after its idle connections were cut', async () => {
    const database = await openPostgres(await server.createDatabase())
    const other = await openPostgres(server.url)
    await sql`select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'banyan' and pid <> pg_backend_pid()`.execute(other.sql)
    await sleep(100)
    await database.ping()
    await Promise.all([database.close(), other.close()])
  })
})
