import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { KyselyPlugin } from 'kysely'
import { nextTurn } from '../../../test/next-turn.ts'
import { openSqlite } from '../../drivers/database-sqlite.ts'
import { Signer } from '../../kernel/signer.ts'
import { type Accounts, accountMigrations, createAccounts } from './index.ts'
import type { ReadableRepos } from './parts.ts'
import type { AccountTables } from './tables.ts'

const betweenRequests: KyselyPlugin = {
  transformQuery: ({ node }) => node,
  async transformResult({ result }) {
    await nextTurn()
    return result
  },
}

const noRepos: ReadableRepos = { find: async () => undefined, byId: async () => [] }

/** Accounts on a database of their own, and a clock that stands still until it is moved. */
export async function openAccountsForTest() {
  const folder = await mkdtemp(join(tmpdir(), 'banyan-accounts-'))
  const path = join(folder, 'banyan.sqlite')
  const database = await openSqlite(path)
  // As another process would have it open: nothing that the first one remembers reaches it, and back.
  const other = await openSqlite(path)
  await database.migrate(accountMigrations)
  const time = { now: Date.UTC(2030, 0, 1) }
  const accounts: Accounts = createAccounts({
    database,
    clock: () => time.now,
    signer: new Signer(Buffer.from('secret')),
    repos: noRepos,
    signUp: 'closed',
  })
  return {
    accounts,
    database,
    time,
    otherProcess: other.sql.withPlugin(betweenRequests).withTables<AccountTables>(),
    async close() {
      await database.close()
      await other.close()
      await rm(folder, { recursive: true })
    },
  }
}

export function basic(name: string, password: string): string {
  return `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`
}
