import { LimitExceeded } from '../kernel/errors.ts'
import { asBytes, PathPatterns, parsePathPattern } from './path-pattern.ts'

/** Largest .gitignore that is read, in bytes. */
const GITIGNORE_LIMIT = 1024 * 1024

/** Answers whether a file (path from the root of the repository, `/` between names) is ignored. */
export type Gitignore = { ignores(path: string): boolean }

/** Takes off trailing spaces unless a backslash stands before them (git dir.c: trim_trailing_spaces). */
function trimTrailingSpaces(line: string): string {
  let end = 0
  for (let at = 0; at < line.length; at++) {
    if (line[at] === '\\') end = Math.min(++at + 1, line.length)
    else if (line[at] !== ' ') end = at + 1
  }
  return line.slice(0, end)
}

/**
 * Reads the .gitignore at the root of a repository (gitignore(5)); files of the same name in folders are not its
 * matter. Never throws for what it holds, only LimitExceeded over 1 MiB; a look-up throws LimitExceeded when the
 * patterns take too many steps.
 */
export function parseGitignore(source: string | Uint8Array): Gitignore {
  const text = asBytes(source)
  if (text.length > GITIGNORE_LIMIT)
    throw new LimitExceeded('.gitignore', GITIGNORE_LIMIT, 'bytes', text.length)
  const patterns = text
    .replace(/^\xef\xbb\xbf/, '')
    .split('\n')
    .filter(line => line !== '' && !line.startsWith('#'))
    // Git keeps each line as a C string, so a NUL ends it.
    .map(line => trimTrailingSpaces((line.split('\0')[0] as string).replace(/\r$/, '')))
    .map(parsePathPattern)
  const list = new PathPatterns(patterns)

  /** True if ignored, false if a `!` pattern came last, undefined if nothing matches. */
  const verdict = (path: string, kind: 'file' | 'folder') => {
    const last = list.matching(path, kind)[0]
    return last === undefined ? undefined : !(patterns[last] as (typeof patterns)[number]).negated
  }

  return {
    ignores(path) {
      const bytes = asBytes(path)
      // A file cannot be taken in again below a folder that is left out: git does not look inside.
      for (let slash = bytes.indexOf('/'); slash >= 0; slash = bytes.indexOf('/', slash + 1)) {
        if (verdict(bytes.slice(0, slash), 'folder')) return true
      }
      return verdict(bytes, 'file') ?? false
    },
  }
}
