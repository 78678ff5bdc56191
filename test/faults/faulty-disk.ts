import type { FileHandle } from 'node:fs/promises'

type Promises = typeof import('node:fs/promises')

/**
 * Stands between a hub in this process and node:fs/promises: from its `after`th call that writes below `root` on, each
 * such call fails, as on a disk that has become full, or read-only.
 *
 *     vi.mock('node:fs/promises', async original => (await import('./faulty-disk.ts')).faulty(await original()))
 */
export const diskFault = {
  root: '',
  code: 'ENOSPC' as 'ENOSPC' | 'EROFS',
  /** Infinity: all is well. */
  after: Number.POSITIVE_INFINITY,
  /** Calls that have failed. */
  failed: 0,
}

/** A full disk still removes names and sets times, a read-only one does not. */
const writing = ['mkdir', 'mkdtemp', 'link', 'rename', 'copyFile', 'writeFile'] as const
const changing = ['unlink', 'rm', 'utimes'] as const
const handleWriting = ['write', 'writev', 'writeFile', 'sync'] as const

function check(path: unknown, call: string, onFull = true): void {
  if (!String(path).startsWith(diskFault.root)) return
  if (diskFault.code === 'ENOSPC' && !onFull) return
  if (diskFault.after-- > 0) return
  diskFault.failed++
  throw Object.assign(new Error(`${diskFault.code}: ${call} '${path}'`), { code: diskFault.code })
}

export function faulty(real: Promises): Promises {
  // biome-ignore lint/suspicious/noExplicitAny: functions of every shape are wrapped alike.
  const between: any = { ...real }
  for (const name of [...writing, ...changing]) {
    between[name] = async (...args: unknown[]) => {
      const path = name === 'link' || name === 'rename' || name === 'copyFile' ? args[1] : args[0]
      check(path, name, !(changing as readonly string[]).includes(name))
      return await (real[name] as (...args: unknown[]) => Promise<unknown>)(...args)
    }
  }
  between.open = async (...args: Parameters<Promises['open']>) => {
    const isForWriting = args[1] !== undefined && args[1] !== 'r'
    if (isForWriting) check(args[0], 'open')
    const handle = await real.open(...args)
    return isForWriting ? faultyHandle(handle, String(args[0])) : handle
  }
  between.default = between
  return between
}

function faultyHandle(handle: FileHandle, path: string): FileHandle {
  return new Proxy(handle, {
    get(target, name) {
      // biome-ignore lint/suspicious/noExplicitAny: as above.
      const value = (target as any)[name]
      if (typeof value !== 'function') return value
      if (!(handleWriting as readonly unknown[]).includes(name)) return value.bind(target)
      return async (...args: unknown[]) => {
        check(path, String(name))
        return await value.apply(target, args)
      }
    },
  })
}
