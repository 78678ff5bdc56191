import { type Migration, Migrator } from 'kysely/migration'
import type { Sql } from '../ports/database.ts'

/**
 * Runs what is missing, in the order of the keys (by code unit), all in one transaction: a failed migration leaves
 * the schema as it was. The dialect's migration lock or its write lock lets one process at a time through.
 */
export async function runMigrations(
  sql: Sql,
  migrations: Readonly<Record<string, Migration>>,
): Promise<void> {
  const migrator = new Migrator({
    db: sql,
    provider: { getMigrations: async () => ({ ...migrations }) },
    nameComparator: (a, b) => (a < b ? -1 : a > b ? 1 : 0),
  })
  const { error, results } = await migrator.migrateToLatest()
  if (error === undefined) return
  const failed = results?.find(result => result.status === 'Error')
  const reason = error instanceof Error ? error.message : String(error)
  throw new Error(
    `${failed ? `migration ${failed.migrationName}` : 'migrating the database'} failed: ${reason}`,
    {
      cause: error,
    },
  )
}
