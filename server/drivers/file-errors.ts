import { stat, unlink } from 'node:fs/promises'

/** What the file system says, in the words of an object store. */

export async function unlinkIfThere(path: string): Promise<void> {
  await unlink(path).catch(error => {
    if (!isMissing(error)) throw error
  })
}

export async function statOrUndefined(path: string) {
  return await stat(path).catch(error => {
    if (isMissing(error)) return undefined
    throw error
  })
}

export function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code
}

/** No such file; or the key names a folder of objects, or goes on below an object. */
export function isMissing(error: unknown): boolean {
  return ['ENOENT', 'EISDIR', 'ENOTDIR'].includes(codeOf(error) ?? '')
}

/** Another file system, one without hard links, or a file that has as many as there can be. */
export function cannotLink(error: unknown): boolean {
  return ['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(codeOf(error) ?? '')
}
