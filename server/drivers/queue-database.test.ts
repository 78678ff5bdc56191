import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { startPostgres, type TestPostgres } from '../../test/postgres.ts'
import type { Database } from '../ports/database.ts'
import { queueSuite } from '../ports/queue.suite.ts'
import { openPostgres } from './database-postgres.ts'
import { openSqlite } from './database-sqlite.ts'
import { DatabaseQueue, queueMigrations } from './queue-database.ts'

const root = mkdtempSync(join(tmpdir(), 'banyan-queue-'))
let made = 0
let server: TestPostgres

beforeAll(async () => {
  server = await startPostgres()
})

afterAll(async () => {
  rmSync(root, { recursive: true })
  await server?.stop()
})

queueSuite('SQLite', () => {
  const path = join(root, String(made++), 'banyan.sqlite')
  return nodes(() => openSqlite(path))
})

queueSuite('PostgreSQL', async () => {
  const url = await server.createDatabase()
  return nodes(() => openPostgres(url))
})

async function nodes(open: () => Promise<Database>) {
  const first = await open()
  await first.migrate(queueMigrations)
  await first.close()
  return async (clock: () => number) => {
    const database = await open()
    return { database, queue: new DatabaseQueue(database, clock) }
  }
}
