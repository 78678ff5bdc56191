import { isUtf8 } from 'node:buffer'
import { setImmediate } from 'node:timers/promises'
import { parseGitattributes } from '../../formats/gitattributes.ts'
import { parseGitignore } from '../../formats/gitignore.ts'
import type { Repository } from '../../kernel/repository.ts'
import { checkPath } from './check-path.ts'
import { regularFileLimit } from './commit-body.ts'
import { readSmallFile } from './find-file.ts'
import type { RepoParts } from './parts.ts'
import { findPath } from './tree-listing.ts'

export interface CandidateFile {
  readonly path: string
  readonly size: number
  /** The first 512 bytes at most. */
  readonly sample: Uint8Array
}

export interface UploadAdvice {
  readonly path: string
  /** `lfs`: by Xet or LFS, before the commit; `regular`: inside the commit. */
  readonly uploadMode: 'lfs' | 'regular'
  /** A `.gitignore` leaves it out. */
  readonly shouldIgnore: boolean
  /** What the path holds now: sha256 of a large file, blob id of a regular one. A client skips what is the same. */
  readonly oid: string | null
}

/**
 * Tells a client how to bring each file (hub-protocol section 6.1): by LFS when `.gitattributes` says so, when it is
 * over 10 MiB or when its first bytes are not text.
 */
export async function advisePreupload(
  parts: RepoParts,
  repo: Repository,
  commitId: string,
  request: {
    files: readonly CandidateFile[]
    gitIgnore?: string | undefined
    gitAttributes?: string | undefined
  },
): Promise<UploadAdvice[]> {
  const ownText = async (path: string) =>
    (await readSmallFile(parts, repo, commitId, path, 1024 * 1024)) ?? new Uint8Array()
  const attributes = parseGitattributes(request.gitAttributes ?? (await ownText('.gitattributes')))
  const ignore = parseGitignore(request.gitIgnore ?? (await ownText('.gitignore')))
  const current = await currentIds(parts, repo, commitId, request.files)
  const advice: UploadAdvice[] = []
  for (const { path, size, sample } of request.files) {
    checkPath(path)
    const isLfs = size > regularFileLimit || (size > 0 && (attributes.isLfs(path) || !looksLikeText(sample)))
    advice.push({
      path,
      uploadMode: isLfs ? 'lfs' : 'regular',
      shouldIgnore: ignore.ignores(path),
      oid: current.get(path) ?? null,
    })
    // Many paths against many patterns take long; others are served meanwhile.
    await setImmediate()
  }
  return advice
}

async function currentIds(
  parts: RepoParts,
  repo: Repository,
  commitId: string,
  files: readonly CandidateFile[],
): Promise<Map<string, string>> {
  const blobs = new Map<string, string>()
  for (const { path } of files) {
    const entry = await findPath(parts, repo, commitId, path)
    if (entry?.type === 'file') blobs.set(path, entry.oid)
  }
  const facts = await parts.git.blobFacts(repo.id, [...new Set(blobs.values())])
  return new Map([...blobs].map(([path, oid]) => [path, facts.get(oid)?.lfs?.sha256 ?? oid]))
}

/** No NUL, and UTF-8 up to a character that the cut of the sample may have halved. */
function looksLikeText(sample: Uint8Array): boolean {
  if (sample.includes(0)) return false
  return [0, 1, 2, 3].some(cut => isUtf8(sample.subarray(0, Math.max(sample.length - cut, 0))))
}
