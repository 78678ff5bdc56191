import { join } from 'node:path'
import type { Logger } from 'pino'
import { compose, type Drivers, type Hub, migrations } from './compose.ts'
import type { Config } from './config.ts'
import { openSqlite } from './drivers/database-sqlite.ts'
import { openFilesystemObjects } from './drivers/objects-filesystem.ts'
import { DatabaseQueue, queueMigrations } from './drivers/queue-database.ts'
import { systemClock } from './kernel/clock.ts'
import { HubError } from './kernel/errors.ts'
import { StorageFault, storageFault } from './kernel/storage-faults.ts'
import { createLog } from './log.ts'
import type { Database } from './ports/database.ts'

export interface OpenHub extends Hub, Drivers {
  readonly config: Config
  readonly log: Logger
  close(): Promise<void>
}

/**
 * Opens the data folder (made when it is missing), brings its schema up to date and joins the domains:
 *
 *     <data>/hub.sqlite    every fact       <data>/objects/    every byte       <data>/cache/    may be deleted
 */
export async function openHub(
  config: Config,
  log: Logger = createLog(config.logLevel),
  openDatabase = () => openSqlite(join(config.data, 'hub.sqlite')),
): Promise<OpenHub> {
  try {
    return await openFolder(config, log, openDatabase)
  } catch (error) {
    const { code, message } = error as { code?: unknown; message: string }
    // Of the operating system, or of SQLite: nothing that a stack would explain.
    if (typeof code === 'string' && /^(E[A-Z]+|SQLITE_\w+)$/.test(code))
      throw new DataUnusable(config.data, `${code}: ${message}`, error)
    throw error
  }
}

/** The data folder cannot be made, read or written, or what is in it is no database. */
class DataUnusable extends HubError {
  constructor(folder: string, reason: string, cause: unknown) {
    const fault = storageFault(cause)
    const words = fault instanceof StorageFault ? ` (${fault.message})` : ''
    super(
      `cannot open the data folder ${folder}: ${reason}${words}; choose another by --data, or set this right`,
    )
  }
}

async function openFolder(
  config: Config,
  log: Logger,
  openDatabase: () => Promise<Database>,
): Promise<OpenHub> {
  const database = await openDatabase()
  try {
    await database.migrate({ ...queueMigrations, ...migrations })
    const drivers: Drivers = {
      database,
      objects: await openFilesystemObjects(join(config.data, 'objects')),
      queue: new DatabaseQueue(database, systemClock),
    }
    const hub = await compose(config, drivers, log)
    const close = async () => {
      await hub.lineage.close()
      await hub.sketches.close()
      await hub.blobs.close()
      await drivers.objects.close()
      await database.close()
    }
    return { ...hub, ...drivers, config, log, close }
  } catch (error) {
    await database.close()
    throw error
  }
}
