import { LFS_POINTER_LIMIT, parseLfsPointer } from '../../formats/lfs-pointer.ts'
import { linesOf, runGit } from './git-program.ts'
import type { RepoParts } from './parts.ts'
import { objectsOf, parseListing } from './push-inspection.ts'

/**
 * The blobs of a repository, in whatever history, that are pointers to one of these LFS objects. Git reads every small
 * blob once; here one is held at a time.
 */
export async function findPointers(
  { mirror }: Pick<RepoParts, 'mirror'>,
  repoId: string,
  sha256s: ReadonlySet<string>,
): Promise<Set<string>> {
  const open = await mirror.open({ id: repoId })
  try {
    const run = (args: readonly string[], input?: AsyncIterable<string>) =>
      runGit({
        args: [`--git-dir=${open.path}`, 'cat-file', ...args, '--buffer'],
        home: mirror.folder,
        ...(input && { input }),
      })
    const listing = run(['--batch-all-objects', '--batch-check=%(objectname) %(objecttype) %(objectsize)'])
    async function* smallBlobs(): AsyncGenerator<string> {
      for await (const line of linesOf(listing.output)) {
        const { oid, type, size } = parseListing(line)
        if (type === 'blob' && size < LFS_POINTER_LIMIT) yield `${oid}\n`
      }
      await listing.ended
    }
    const pointers = new Set<string>()
    const reading = run(['--batch'], smallBlobs())
    for await (const { oid, content } of objectsOf(reading.output)) {
      const pointer = parseLfsPointer(content)
      if (pointer && sha256s.has(pointer.sha256)) pointers.add(oid)
    }
    await reading.ended
    return pointers
  } finally {
    open.release()
  }
}
