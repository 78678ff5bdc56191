import { LimitExceeded } from '../kernel/errors.ts'

/**
 * Path patterns of .gitignore and .gitattributes (gitignore(5), "PATTERN FORMAT"; git dir.c: parse_path_pattern,
 * wildmatch.c). Git compares bytes: `?` is one byte, so text and pattern are strings of one character a byte, see
 * `asBytes`. Matching goes back to the last star only and never recurses, so a hostile pattern costs steps, which are
 * counted, not an exponential number of them.
 */

/** Steps that one look-up may take over all patterns of a file; some milliseconds. Real files need thousands. */
const STEP_LIMIT = 2_000_000

/** Any run of bytes without a slash. */
const STAR = -1
/** Any run of bytes (two stars at the end of a pattern). */
const DEEP = -2
/** No, one or more whole folders with their slashes (two stars and a slash). */
const FOLDERS = -3

/** A number from 0 is that byte, below 0 one of the runs above; an array tells for each byte if it may stand here. */
type Token = number | Uint8Array

/** A pattern ready for `PathPatterns`. */
export type PathPattern = {
  /** Began with `!`. */
  readonly negated: boolean
  /** Ended in a slash: stands for folders only. */
  readonly folderOnly: boolean
  /** Had no slash elsewhere: compared with the last name of a path, at any depth. */
  readonly nameOnly: boolean
  /** Undefined if broken (an open bracket, a trailing backslash): then it matches nothing, as in git. */
  readonly tokens: readonly Token[] | undefined
}

/** UTF-8 text as a string that has one character (U+0000 to U+00FF) for each byte. */
export function asBytes(text: string | Uint8Array): string {
  if (typeof text === 'string') return Buffer.from(text).toString('latin1')
  return Buffer.from(text.buffer, text.byteOffset, text.byteLength).toString('latin1')
}

const byteRange = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)
const bytesWhere = (test: RegExp) => byteRange(1, 127).filter(byte => test.test(String.fromCharCode(byte)))

/** The classes of git's own ctype (git-compat-util.h), which know ASCII only. */
const CLASSES: ReadonlyMap<string, readonly number[]> = new Map([
  ['alnum', bytesWhere(/[A-Za-z0-9]/)],
  ['alpha', bytesWhere(/[A-Za-z]/)],
  ['blank', bytesWhere(/[ \t]/)],
  ['cntrl', [...byteRange(1, 31), 127]],
  ['digit', bytesWhere(/[0-9]/)],
  ['graph', byteRange(33, 126)],
  ['lower', bytesWhere(/[a-z]/)],
  ['print', byteRange(32, 126)],
  ['punct', byteRange(33, 126).filter(byte => !/[A-Za-z0-9]/.test(String.fromCharCode(byte)))],
  ['space', bytesWhere(/[ \t\n\r]/)],
  ['upper', bytesWhere(/[A-Z]/)],
  ['xdigit', bytesWhere(/[A-Fa-f0-9]/)],
])

const SLASH = 47
const ANY_BUT_SLASH = new Uint8Array(256).fill(1)
ANY_BUT_SLASH[SLASH] = 0

/** Reads the bracket expression that begins at `start`; undefined if it is broken. */
function parseBracket(pattern: string, start: number): { set: Uint8Array; next: number } | undefined {
  const negated = pattern[start + 1] === '!' || pattern[start + 1] === '^'
  const set = new Uint8Array(256)
  let previous = 0
  let at = start + (negated ? 2 : 1)
  do {
    const char = pattern[at]
    if (char === undefined) return undefined
    if (char === '-' && previous > 0 && at + 1 < pattern.length && pattern[at + 1] !== ']') {
      if (pattern[++at] === '\\') at++
      if (at >= pattern.length) return undefined
      for (let byte = previous; byte <= pattern.charCodeAt(at); byte++) set[byte] = 1
      previous = 0
    } else if (char === '[' && pattern[at + 1] === ':') {
      const close = pattern.indexOf(']', at + 2)
      if (close < 0) return undefined
      if (close > at + 2 && pattern[close - 1] === ':') {
        const members = CLASSES.get(pattern.slice(at + 2, close - 1))
        if (members === undefined) return undefined
        for (const byte of members) set[byte] = 1
        at = close
        previous = 0
      } else {
        previous = pattern.charCodeAt(at)
        set[previous] = 1
      }
    } else {
      if (char === '\\') at++
      if (at >= pattern.length) return undefined
      previous = pattern.charCodeAt(at)
      set[previous] = 1
    }
    at++
  } while (pattern[at] !== ']')
  if (negated) for (let byte = 0; byte < 256; byte++) set[byte] = 1 - (set[byte] as number)
  set[SLASH] = 0
  return { set, next: at + 1 }
}

/** Reads the run of stars that begins at `start`. Two or more count as "any folders" only between slashes or ends. */
function parseStars(pattern: string, start: number): { token: number; next: number } {
  let next = start
  while (pattern[next] === '*') next++
  const after = pattern[next]
  const apart =
    (start === 0 || pattern[start - 1] === '/') &&
    (after === undefined || after === '/' || (after === '\\' && pattern[next + 1] === '/'))
  if (next - start < 2 || !apart) return { token: STAR, next }
  return after === '/' ? { token: FOLDERS, next: next + 1 } : { token: DEEP, next }
}

function tokenize(pattern: string): Token[] | undefined {
  const tokens: Token[] = []
  for (let at = 0; at < pattern.length; ) {
    const char = pattern[at]
    if (char === '*') {
      const stars = parseStars(pattern, at)
      tokens.push(stars.token)
      at = stars.next
    } else if (char === '[') {
      const bracket = parseBracket(pattern, at)
      if (bracket === undefined) return undefined
      tokens.push(bracket.set)
      at = bracket.next
    } else if (char === '?') {
      tokens.push(ANY_BUT_SLASH)
      at++
    } else {
      if (char === '\\' && ++at === pattern.length) return undefined
      tokens.push(pattern.charCodeAt(at++))
    }
  }
  return tokens
}

/** Reads one pattern, already freed of what is the file format's own (comments, quotes, trailing blanks). */
export function parsePathPattern(bytes: string): PathPattern {
  const negated = bytes.startsWith('!')
  const folderOnly = bytes.endsWith('/') && bytes.length > (negated ? 1 : 0)
  const body = bytes.slice(negated ? 1 : 0, folderOnly ? -1 : undefined)
  const tokens = tokenize(body.startsWith('/') ? body.slice(1) : body)
  return { negated, folderOnly, nameOnly: !body.includes('/'), tokens }
}

type Budget = { steps: number }

function matches(tokens: readonly Token[], text: string, budget: Budget): boolean {
  let at = 0
  let token = 0
  // Where to go on when the tokens after the last star (in this name), or after the last DEEP or FOLDERS, do not fit.
  let starAt = -1
  let starToken = 0
  let deepAt = -1
  let deepToken = 0
  let deepIsFolders = false
  for (;;) {
    if (--budget.steps < 0)
      throw new LimitExceeded('matching the path patterns', STEP_LIMIT, 'steps for one path')
    const want = tokens[token]
    if (want === STAR) {
      starAt = at
      starToken = ++token
      continue
    }
    if (want === DEEP || want === FOLDERS) {
      deepAt = at
      deepToken = ++token
      deepIsFolders = want === FOLDERS
      starAt = -1
      if (want === DEEP && token === tokens.length) return true
      continue
    }
    if (want === undefined) {
      if (at === text.length) return true
    } else if (at < text.length) {
      const byte = text.charCodeAt(at)
      if (typeof want === 'number' ? want === byte : want[byte] === 1) {
        at++
        token++
        continue
      }
    }
    if (starAt >= 0 && starAt < text.length && text.charCodeAt(starAt) !== SLASH) {
      at = ++starAt
      token = starToken
    } else if (deepAt >= 0 && deepAt < text.length) {
      const slash = deepIsFolders ? text.indexOf('/', deepAt) : deepAt
      if (slash < 0) return false
      deepAt = slash + 1
      at = deepAt
      token = deepToken
      starAt = -1
    } else {
      return false
    }
  }
}

/** The patterns of one file, indexed so that the common kinds (plain names, plain paths) cost one look-up for all. */
export class PathPatterns {
  readonly #patterns: readonly PathPattern[]
  readonly #plainNames = new Map<string, number[]>()
  readonly #plainPaths = new Map<string, number[]>()
  readonly #globs: number[] = []

  constructor(patterns: readonly PathPattern[]) {
    this.#patterns = patterns
    for (const [index, { tokens, nameOnly }] of patterns.entries()) {
      if (tokens === undefined) continue
      if (!tokens.every(token => typeof token === 'number' && token >= 0)) {
        this.#globs.push(index)
        continue
      }
      const map = nameOnly ? this.#plainNames : this.#plainPaths
      const text = tokens.map(token => String.fromCharCode(token as number)).join('')
      const indexes = map.get(text)
      if (indexes === undefined) map.set(text, [index])
      else indexes.push(index)
    }
  }

  /**
   * Indexes of the patterns that match `path` (bytes, no leading or trailing slash), the last one first. Throws
   * LimitExceeded when that takes more than 2,000,000 steps, which only patterns made for it do.
   */
  matching(path: string, kind: 'file' | 'folder'): number[] {
    const budget: Budget = { steps: STEP_LIMIT }
    const name = path.slice(path.lastIndexOf('/') + 1)
    const found = [...(this.#plainNames.get(name) ?? []), ...(this.#plainPaths.get(path) ?? [])]
    for (const index of this.#globs) {
      const { tokens, nameOnly } = this.#patterns[index] as PathPattern
      if (matches(tokens as Token[], nameOnly ? name : path, budget)) found.push(index)
    }
    return found
      .filter(index => kind === 'folder' || !(this.#patterns[index] as PathPattern).folderOnly)
      .sort((a, b) => b - a)
  }
}
