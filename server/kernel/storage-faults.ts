import { HubError } from './errors.ts'

/** The disk refuses what is to be written. Nothing of it was kept; what was there before can be read. */
export abstract class StorageFault extends HubError {}

/** It takes no more bytes. */
export class StoreFull extends StorageFault {
  constructor() {
    super('the disk of this hub is full; nothing was stored')
  }
}

/** It cannot be written to at all. */
export class StoreReadOnly extends StorageFault {
  constructor() {
    super('the data of this hub is read-only at the moment; nothing was stored')
  }
}

const fullCodes = new Set([
  // EFBIG: the limit of a file's size, which an operator may have set for the process (setrlimit(2)).
  ...['ENOSPC', 'EDQUOT', 'EFBIG'],
  // The second: no room to make SQLite's shared memory larger (os_unix.c:unixShmMap).
  ...['SQLITE_FULL', 'SQLITE_IOERR_SHMSIZE'],
  // PostgreSQL: disk_full
  '53100',
])
const readOnlyCodes = new Set(['EROFS', 'SQLITE_READONLY', 'SQLITE_READONLY_DIRECTORY', '25006'])

/** What the operating system or a database says about its disk, in the words above; any other error as it is. */
export function storageFault(error: unknown): unknown {
  const code = String((error as { code?: unknown } | undefined)?.code)
  if (fullCodes.has(code)) return new StoreFull()
  if (readOnlyCodes.has(code)) return new StoreReadOnly()
  return error
}
