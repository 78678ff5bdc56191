import type { JobHandler } from '../../ports/queue.ts'
import { FileNotKnown } from './errors.ts'
import type { BlobParts } from './parts.ts'
import { readFile } from './read-file.ts'
import { findSha256, proveFile } from './store-files.ts'

/** What a shard claims of a file is checked by reading it once. Until then it counts as unproven. */
export function blobJobs(parts: BlobParts): JobHandler[] {
  const prove: JobHandler<'file-claimed'> = {
    name: 'blobs.prove-file',
    on: 'file-claimed',
    key: ({ fileHash }) => fileHash,
    run: ({ fileHash }) => proveClaim(parts, fileHash),
  }
  return [prove as JobHandler]
}

/** Reads the file, if it is there and nobody has, and records what it hashes to. */
export async function proveClaim(parts: BlobParts, fileHash: string): Promise<void> {
  const known = await findSha256(parts.database.sql, fileHash)
  // Collected, or proven by another upload in the meantime.
  if (known === undefined || known !== null) return
  try {
    await proveFile(parts.database.sql, fileHash, await parts.digests.sha256(readFile(parts, fileHash)))
  } catch (error) {
    if (!(error instanceof FileNotKnown)) throw error
  }
}
