import type { ByteSource } from '../../formats/byte-source.ts'
import { LimitExceeded } from '../../kernel/errors.ts'
import type { Repository } from '../../kernel/repository.ts'
import { EntryNotFound } from './errors.ts'
import { findFile } from './find-file.ts'
import type { RepoParts } from './parts.ts'

/** A file of a commit that can be read by range, wherever it is kept. */
export interface OpenFile extends ByteSource {
  /** The same for the same bytes, and proven: the Xet hash of a stored file, git's id of any other. */
  readonly contentId: string
}

/** One in git is read as a whole. */
const gitLimit = 64 * 1024 * 1024

/** Throws EntryNotFound, also where a pointer names bytes that are not here. */
export async function openFile(
  parts: Pick<RepoParts, 'git' | 'blobs'>,
  repo: Repository,
  commitId: string,
  path: string,
): Promise<OpenFile> {
  const found = await findFile(parts, repo, commitId, path)
  if (found.kind === 'absent') throw new EntryNotFound(path, commitId)
  if (found.kind === 'stored') {
    const { file, size } = found
    return {
      ...{ contentId: file.fileHash, size },
      async read(start, end) {
        const bytes = new Uint8Array(end - start)
        let at = 0
        // A piece is good until the next one is asked for.
        for await (const piece of parts.blobs.read(file, { start, end })) {
          bytes.set(piece, at)
          at += piece.length
        }
        return bytes
      },
    }
  }
  const { oid, size } = found
  let content: Promise<Uint8Array> | undefined
  return {
    ...{ contentId: oid, size },
    async read(start, end) {
      if (size > gitLimit) throw new LimitExceeded(path, gitLimit, 'bytes that are read out of git', size)
      content ??= parts.git.read(repo.id, oid).then(object => object.content)
      return (await content).slice(start, end)
    },
  }
}
