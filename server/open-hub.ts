import { join } from 'node:path'
import type { Logger } from 'pino'
import { compose, type Drivers, type Hub, migrations } from './compose.ts'
import type { Config } from './config.ts'
import { openSqlite } from './drivers/database-sqlite.ts'
import { openFilesystemObjects } from './drivers/objects-filesystem.ts'
import { DatabaseQueue, queueMigrations } from './drivers/queue-database.ts'
import { systemClock } from './kernel/clock.ts'
import { createLog } from './log.ts'

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
export async function openHub(config: Config, log: Logger = createLog(config.logLevel)): Promise<OpenHub> {
  const database = await openSqlite(join(config.data, 'hub.sqlite'))
  try {
    await database.migrate({ ...queueMigrations, ...migrations })
    const drivers: Drivers = {
      database,
      objects: await openFilesystemObjects(join(config.data, 'objects')),
      queue: new DatabaseQueue(database, systemClock),
    }
    const hub = await compose(config, drivers, log)
    const close = async () => {
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
