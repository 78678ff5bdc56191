import { execFile } from 'node:child_process'
import { mkdtemp, open, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A disk of its own for a data folder, that can be filled. */
export interface SmallDisk {
  /** What it really is: `tmpfs`, or `rlimit`, where this machine lets nobody mount. */
  readonly kind: 'tmpfs' | 'rlimit'
  readonly folder: string
  /** Leaves room for about `bytes`; a file size limit leaves room for none. */
  fill(pid: number, bytes?: number): Promise<void>
  makeRoom(pid: number): Promise<void>
  /** Not while anything is open for writing. Only of a tmpfs; elsewhere the folder stays as it is. */
  setReadOnly(isReadOnly: boolean): Promise<void>
  remove(): Promise<void>
}

/**
 * A tmpfs of `bytes`; where mounting is not permitted, a folder whose user may write no byte while it is "full":
 * setrlimit(2) RLIMIT_FSIZE by util-linux' prlimit.
 */
export async function newSmallDisk(bytes: number): Promise<SmallDisk> {
  const folder = await mkdtemp(join(tmpdir(), 'banyan-small-disk-'))
  try {
    if (process.env.BANYAN_NO_MOUNT) throw new Error('as on a machine that lets nobody mount')
    await run('mount', ['-t', 'tmpfs', '-o', `size=${bytes},mode=0700`, 'banyan-test', folder])
  } catch {
    return limited(folder)
  }
  const filler = join(folder, 'filler')
  return {
    kind: 'tmpfs',
    folder,
    async fill(_, left = 0) {
      const { bavail, bsize } = await statfs(folder)
      const file = await open(filler, 'a')
      try {
        // To its very end, when nothing is to be left: the hub may write or free some meanwhile.
        let rest = left === 0 ? Number.POSITIVE_INFINITY : bavail * bsize - left
        for (let piece = 1 << 20; rest > 0 && piece >= 4096; ) {
          const written = await file.write(Buffer.alloc(Math.min(rest, piece))).catch(error => {
            if (error.code !== 'ENOSPC') throw error
            return { bytesWritten: 0 }
          })
          rest -= written.bytesWritten
          if (written.bytesWritten === 0) piece /= 2
        }
      } finally {
        await file.close()
      }
    },
    makeRoom: () => rm(filler, { force: true }),
    async setReadOnly(isReadOnly) {
      await run('mount', ['-o', `remount,${isReadOnly ? 'ro' : 'rw'}`, folder])
    },
    async remove() {
      await run('umount', ['-l', folder])
      await rm(folder, { recursive: true })
    },
  }
}

function limited(folder: string): SmallDisk {
  const limit = async (pid: number, value: string) => {
    await run('prlimit', ['--pid', String(pid), `--fsize=${value}:`])
  }
  return {
    kind: 'rlimit',
    folder,
    fill: pid => limit(pid, '0'),
    makeRoom: pid => limit(pid, 'unlimited'),
    async setReadOnly() {},
    remove: () => rm(folder, { recursive: true }),
  }
}
