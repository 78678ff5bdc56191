import { LRUCache } from 'lru-cache'
import { type ByteSource, sourceOf } from '../../formats/byte-source.ts'
import type { Repository } from '../../kernel/repository.ts'
import type { StoredFile } from '../blobs/index.ts'
import { EntryNotFound } from './errors.ts'
import type { BlobFacts } from './git-objects.ts'
import type { RepoParts } from './parts.ts'
import { findPath } from './tree-listing.ts'

/** A file of a commit, ready to be read. */
export type FoundFile =
  | { readonly kind: 'regular'; readonly path: string; readonly oid: string; readonly size: number }
  | {
      readonly kind: 'stored'
      readonly path: string
      /** Blob id of the pointer, and its size. */
      readonly oid: string
      readonly pointerSize: number
      readonly size: number
      readonly file: StoredFile
    }
  /** A pointer whose bytes this repository does not hold. */
  | {
      readonly kind: 'absent'
      readonly path: string
      readonly oid: string
      readonly pointerSize: number
      readonly sha256: string
    }

type Parts = Pick<RepoParts, 'git' | 'blobs'>

interface PathBlob {
  readonly oid: string
  readonly facts: BlobFacts
}

/** What a path of a commit names, which never changes: some hundred bytes each beside the path. */
const known = new LRUCache<string, PathBlob>({
  maxSize: 32 * 1024 * 1024,
  sizeCalculation: (_blob, key) => key.length + 300,
})

async function findBlob(parts: Parts, repo: Repository, commitId: string, path: string): Promise<PathBlob> {
  const key = `${repo.id}/${commitId}/${path}`
  const before = known.get(key)
  if (before) return before
  const entry = await findPath(parts, repo, commitId, path)
  if (entry?.type !== 'file') throw new EntryNotFound(path, commitId)
  const { oid } = entry
  const facts = (await parts.git.blobFacts(repo.id, [oid])).get(oid)
  const blob = { oid, facts: facts ?? { size: 0 } }
  known.set(key, blob)
  return blob
}

/** Throws EntryNotFound. */
export async function findFile(
  parts: Parts,
  repo: Repository,
  commitId: string,
  path: string,
): Promise<FoundFile> {
  const { oid, facts } = await findBlob(parts, repo, commitId, path)
  if (!facts.lfs) return { kind: 'regular', path, oid, size: facts.size }
  const { sha256 } = facts.lfs
  const file = await parts.blobs.find(repo.id, sha256)
  if (!file) return { kind: 'absent', path, oid, pointerSize: facts.size, sha256 }
  return { kind: 'stored', path, oid, pointerSize: facts.size, size: file.size, file }
}

/** The whole content of a file of at most `limit` bytes, wherever it is kept; undefined when it is absent or larger. */
export async function readSmallFile(
  parts: Parts,
  repo: Repository,
  commitId: string,
  path: string,
  limit: number,
): Promise<Uint8Array | undefined> {
  const file = await openFile(parts, repo, commitId, path)
  return file && file.size <= limit ? file.read(0, file.size) : undefined
}

/** A file that can be read by range. */
export interface OpenFile extends ByteSource {
  /** The same for the same bytes, and proven: the Xet hash of a stored file, git's id of any other. */
  readonly contentId: string
}

/** Wherever it is kept; undefined when it is absent. */
export async function openFile(
  parts: Parts,
  repo: Repository,
  commitId: string,
  path: string,
): Promise<OpenFile | undefined> {
  const entry = await findPath(parts, repo, commitId, path)
  if (entry?.type !== 'file') return undefined
  const found = await findFile(parts, repo, commitId, path)
  if (found.kind === 'absent') return undefined
  const { size } = found
  if (found.kind === 'regular') {
    const { git } = parts
    let content: Promise<Uint8Array> | undefined
    return {
      ...{ contentId: found.oid, size },
      async read(start, end) {
        content ??= git.read(repo.id, found.oid).then(object => object.content)
        return await sourceOf(await content).read(start, end)
      },
    }
  }
  const { blobs } = parts
  return {
    ...{ contentId: found.file.fileHash, size },
    async read(start, end) {
      const bytes = Buffer.alloc(end - start)
      let at = 0
      // A piece is good until the next one is asked for.
      for await (const piece of blobs.read(found.file, { start, end })) {
        bytes.set(piece, at)
        at += piece.length
      }
      return bytes
    },
  }
}
