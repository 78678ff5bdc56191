import { LimitExceeded } from '../kernel/errors.ts'
import type { RepoType } from '../kernel/repository.ts'
import { asBytes, type PathPattern, PathPatterns, parsePathPattern } from './path-pattern.ts'
import { parseTreePath } from './tree-path.ts'

/** Largest .gitattributes that is read or written, in bytes. */
const GITATTRIBUTES_LIMIT = 4 * 1024 * 1024

/** Git skips longer lines (attr.h: ATTR_MAX_LINE_LENGTH), in bytes without the line end. */
const LINE_LIMIT = 2047

/** Answers whether git would pass the file at `path` (from the root of the repository) through the LFS filter. */
export type Gitattributes = { isLfs(path: string): boolean }

/** What a line sets an attribute to: `a` true, `-a` false, `!a` null (as if never set), `a=text` that text. */
type Setting = readonly [name: string, value: string | boolean | null]
type Line = { readonly pattern: PathPattern; readonly settings: readonly Setting[] }

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '"': '"',
}

/** Reads the C-style quoted name at the start of `text`; undefined if it is broken (git quote.c: unquote_c_style). */
function unquote(text: string): { name: string; rest: string } | undefined {
  const quoted = /^"((?:[^"\\]|\\(?:[abfnrtv"\\]|[0-3][0-7]{2}))*)"/.exec(text)
  if (quoted === null) return undefined
  const name = (quoted[1] as string).replace(/\\([0-7]{3}|.)/g, (_, code: string) =>
    code.length === 3 ? String.fromCharCode(Number.parseInt(code, 8)) : (ESCAPES[code] as string),
  )
  return { name, rest: text.slice(quoted[0].length) }
}

/** Undefined if one of them is not valid: git then drops the whole line. */
function parseSettings(text: string): Setting[] | undefined {
  const settings: Setting[] = []
  for (const word of text.split(/[ \t\r\n]+/)) {
    if (word === '') continue
    const parts = /^([-!]?)([A-Za-z0-9_.][-A-Za-z0-9_.]*)(?:=(.*))?$/.exec(word)
    const name = parts?.[2]
    if (name === undefined || name.startsWith('builtin_')) return undefined
    const sign = parts?.[1]
    settings.push([name, sign === '-' ? false : sign === '!' ? null : (parts?.[3] ?? true)])
  }
  return settings
}

function parseLine(line: string, macros: Map<string, readonly Setting[]>): Line | undefined {
  const text = line.replace(/^[ \t\r\n]+/, '')
  if (text === '' || text.startsWith('#') || line.length > LINE_LIMIT) return undefined
  const plain = /^[^ \t\r\n]+/.exec(text)?.[0] as string
  const quoted = text.startsWith('"') ? unquote(text) : undefined
  const name = quoted?.name ?? plain
  const settings = parseSettings(quoted?.rest ?? text.slice(plain.length))
  if (settings === undefined) return undefined
  if (name.startsWith('[attr]') && name.length > '[attr]'.length) {
    const macro = name.slice('[attr]'.length)
    if (/^[A-Za-z0-9_.][-A-Za-z0-9_.]*$/.test(macro)) macros.set(macro, settings)
    return undefined
  }
  const pattern = parsePathPattern(name.split('\0')[0] as string)
  return pattern.negated ? undefined : { pattern, settings }
}

/**
 * The value of `filter` after lines that set `groups`, the strongest group first. Within a group the last setting is
 * the strongest, and a macro set to true brings in its own settings below it (git attr.c: fill_one).
 */
function filterValue(groups: Iterable<readonly Setting[]>, macros: ReadonlyMap<string, readonly Setting[]>) {
  const values = new Map<string, Setting[1]>()
  for (const group of groups) {
    const waiting = [...group]
    for (let setting = waiting.pop(); setting !== undefined; setting = waiting.pop()) {
      const [name, value] = setting
      if (values.has(name)) continue
      if (name === 'filter') return value
      values.set(name, value)
      if (value === true) waiting.push(...(macros.get(name) ?? []))
    }
  }
  return undefined
}

/**
 * Reads the .gitattributes at the root of a repository (gitattributes(5)); files of the same name in folders are not
 * its matter. Never throws for what it holds, only LimitExceeded over 4 MiB; a look-up throws LimitExceeded when the
 * patterns take too many steps.
 */
export function parseGitattributes(source: string | Uint8Array): Gitattributes {
  const text = asBytes(source)
  if (text.length > GITATTRIBUTES_LIMIT) {
    throw new LimitExceeded('.gitattributes', GITATTRIBUTES_LIMIT, 'bytes', text.length)
  }
  const macros = new Map<string, readonly Setting[]>([
    [
      'binary',
      [
        ['diff', false],
        ['merge', false],
        ['text', false],
      ],
    ], // built into git
  ])
  const lines: Line[] = []
  for (const raw of text.replace(/^\xef\xbb\xbf/, '').split('\n')) {
    // Git keeps each line as a C string, so a NUL ends it.
    const line = parseLine((raw.split('\0')[0] as string).replace(/\r$/, ''), macros)
    if (line !== undefined && line.settings.length > 0) lines.push(line)
  }
  const patterns = new PathPatterns(lines.map(line => line.pattern))
  return {
    isLfs(path) {
      const matching = patterns.matching(asBytes(path), 'file')
      return (
        filterValue(
          matching.map(index => (lines[index] as Line).settings),
          macros,
        ) === 'lfs'
      )
    },
  }
}

/** A pattern that matches exactly `path`, in the style of `git lfs track --filename` (command_track.go: escapeGlobCharacters). */
function exactPattern(path: string): string {
  const escaped = path.replace(/[\\*?[\]#!"]/g, '\\$&').replaceAll(' ', '[[:space:]]')
  // Without a slash a pattern would match the name in every folder.
  return path.includes('/') ? escaped : `/${escaped}`
}

/**
 * Adds a line `path filter=lfs diff=lfs merge=lfs -text` for each path that is not LFS yet and leaves the bytes
 * before as they are. Throws MalformedInput for a path that is no file path, LimitExceeded if its line would be
 * longer than the 2047 bytes that git reads, or the file larger than 4 MiB.
 */
export function addLfsPaths(source: string | Uint8Array, paths: Iterable<string>): Uint8Array {
  const text = Buffer.from(asBytes(source), 'latin1')
  const before = parseGitattributes(text)
  const lines = new Set<string>()
  for (const path of paths) {
    if (before.isLfs(parseTreePath(path))) continue
    const line = lfsLine(exactPattern(path))
    const length = Buffer.byteLength(line)
    if (length > LINE_LIMIT) {
      throw new LimitExceeded(`.gitattributes line for ${JSON.stringify(path)}`, LINE_LIMIT, 'bytes', length)
    }
    lines.add(line)
  }
  if (lines.size === 0) return text
  const gap = text.length > 0 && text.at(-1) !== 0x0a ? '\n' : ''
  const added = Buffer.from(`${gap}${[...lines].join('\n')}\n`)
  if (text.length + added.length > GITATTRIBUTES_LIMIT) {
    throw new LimitExceeded('.gitattributes', GITATTRIBUTES_LIMIT, 'bytes', text.length + added.length)
  }
  return Buffer.concat([text, added])
}

function lfsLine(pattern: string): string {
  return `${pattern} filter=lfs diff=lfs merge=lfs -text`
}

const WEIGHTS_AND_ARCHIVES =
  `*.7z *.arrow *.avro *.bin *.bz2 *.ckpt *.ftz *.gz *.h5 *.joblib *.lfs.* *.lz4 *.mds
  *.mlmodel *.model *.msgpack *.npy *.npz *.onnx *.ot *.parquet *.pb *.pickle *.pkl *.pt *.pth *.rar *.safetensors
  saved_model/**/* *.tar.* *.tar *.tflite *.tgz *.wasm *.xz *.zip *.zst *tfevents*`.split(/\s+/)
const DATASETS_ONLY = ['*.avro', '*.lz4', '*.mds']
const MEDIA = {
  'Audio files - uncompressed': ['*.pcm', '*.sam', '*.raw'],
  'Audio files - compressed': ['*.aac', '*.flac', '*.mp3', '*.ogg', '*.wav'],
  'Image files - uncompressed': ['*.bmp', '*.gif', '*.png', '*.tiff'],
  'Image files - compressed': ['*.jpg', '*.jpeg', '*.webp'],
  'Video files - compressed': ['*.mp4', '*.webm'],
}

function section(patterns: readonly string[]): string {
  return patterns.map(pattern => `${lfsLine(pattern)}\n`).join('')
}

const WEIGHTS = section(WEIGHTS_AND_ARCHIVES.filter(pattern => !DATASETS_ONLY.includes(pattern)))

/** The .gitattributes of a new repository, with the patterns that the public hub puts there. */
export const DEFAULT_GITATTRIBUTES: Readonly<Record<RepoType, string>> = {
  model: WEIGHTS,
  dataset:
    section(WEIGHTS_AND_ARCHIVES) +
    Object.entries(MEDIA)
      .map(([title, patterns]) => `# ${title}\n${section(patterns)}`)
      .join(''),
  space: WEIGHTS,
  kernel: WEIGHTS,
}
