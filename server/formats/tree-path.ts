import { MalformedInput } from '../kernel/errors.ts'

/** Longest path in a repository, and longest name between two slashes, in bytes of UTF-8 (PATH_MAX and NAME_MAX of Linux). */
const PATH_LIMIT = 4096
const SEGMENT_LIMIT = 255

/** Code points that HFS+ leaves out when it compares names (git utf8.c: next_hfs_char). */
const HFS_IGNORED = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g

/**
 * True if some file system would take this name for `.git`, the folder from which git runs hooks: in any case
 * (macOS, Windows), with code points that HFS+ ignores, as the short name `git~1`, with trailing dots and spaces or
 * an alternate stream (NTFS). A superset of git's own is_hfs_dotgit and is_ntfs_dotgit, which test one of these at a time.
 */
function isDotGit(segment: string): boolean {
  return /^(?:\.git|git~1)[. ]*(?::|$)/i.test(segment.replace(HFS_IGNORED, ''))
}

function segmentFault(segment: string): string | undefined {
  if (segment === '') return 'must not contain an empty name ("//")'
  if (segment === '.' || segment === '..') return `must not contain the name "${segment}"`
  if (Buffer.byteLength(segment) > SEGMENT_LIMIT)
    return `must not contain a name longer than ${SEGMENT_LIMIT} bytes`
  if (isDotGit(segment))
    return `must not contain ${JSON.stringify(segment)}, a name for git's own folder ".git"`
  return undefined
}

function pathFault(path: string): string | undefined {
  if (path === '') return 'is empty'
  if (!path.isWellFormed()) return 'is not valid Unicode'
  if (path.startsWith('/')) return 'must not begin with "/", give it from the root of the repository'
  if (path.endsWith('/')) return 'must not end with "/"'
  if (path.includes('\\')) return 'must not contain "\\", separate names by "/"'
  if (/\p{Cc}/u.test(path)) return 'must not contain control characters'
  if (Buffer.byteLength(path) > PATH_LIMIT) return `must not be longer than ${PATH_LIMIT} bytes`
  for (const segment of path.split('/')) {
    const fault = segmentFault(segment)
    if (fault !== undefined) return fault
  }
  return undefined
}

/**
 * Checks a path inside a repository and returns it as given: no normalising, since git compares bytes. With
 * `'folder'` one trailing slash is allowed and taken off. Throws MalformedInput naming the path and the broken rule.
 * The rules are those of git (read-cache.c: verify_path) plus limits that checkouts need.
 */
export function parseTreePath(path: string, kind: 'file' | 'folder' = 'file'): string {
  const bare = kind === 'folder' && path.endsWith('/') ? path.slice(0, -1) : path
  const fault = pathFault(bare)
  if (fault !== undefined) {
    const shown = path.length > 300 ? `${path.slice(0, 300)}…` : path
    throw new MalformedInput('path', `${JSON.stringify(shown)} ${fault}`)
  }
  return bare
}
