import { HubError } from './errors.ts'

/** The disk does not do what is asked of it. What was to be written is not kept. */
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

/** It fails where it should read or write. */
export class StoreBroken extends StorageFault {
  constructor() {
    super('the disk of this hub gives errors at the moment; nothing was stored')
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
// PostgreSQL: io_error. SQLite has a code for each call that failed.
const brokenCodes = /^(EIO|SQLITE_IOERR(_\w+)?|58030)$/
const readOnlyCodes = new Set(['EROFS', 'SQLITE_READONLY', 'SQLITE_READONLY_DIRECTORY', '25006'])

/** What the operating system or a database says about its disk, in the words above; any other error as it is. */
export function storageFault(error: unknown): unknown {
  const code = String((error as { code?: unknown } | undefined)?.code)
  if (fullCodes.has(code)) return new StoreFull()
  if (readOnlyCodes.has(code)) return new StoreReadOnly()
  if (brokenCodes.test(code)) return new StoreBroken()
  return error
}
