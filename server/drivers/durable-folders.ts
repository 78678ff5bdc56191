import { mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Makes `folder` and what is missing above it, for this user alone, and sees to it that the new names survive a power
 * cut.
 */
export async function makeFolder(folder: string): Promise<void> {
  const topmost = await mkdir(folder, { recursive: true, mode: 0o700 })
  if (topmost !== undefined) await syncFolders(dirname(folder), dirname(topmost))
}

/** Makes the entries of `folder`, and of each folder above it up to and with `top`, survive a power cut. */
export async function syncFolders(folder: string, top: string): Promise<void> {
  for (let current = folder; ; current = dirname(current)) {
    await syncFolder(current)
    if (current === top || current === dirname(current)) return
  }
}

/** Makes the entries of `folder` survive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
