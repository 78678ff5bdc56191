import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import { LimitExceeded, MalformedInput } from '../kernel/errors.ts'

/** The four kinds of git object. SHA-1 repositories only: an object id is 40 lower-case hex digits. */
export type ObjectType = 'commit' | 'tree' | 'blob' | 'tag'

/** The modes that git writes today: file, executable, symbolic link, directory, submodule commit. */
export type TreeMode = '100644' | '100755' | '120000' | '40000' | '160000'

export interface TreeEntry {
  readonly mode: TreeMode
  readonly name: string
  readonly oid: string
}

/** Who and when. `time` in milliseconds since the epoch (git keeps whole seconds), `offsetMinutes` east of UTC. */
export interface Identity {
  readonly name: string
  readonly email: string
  readonly time: number
  readonly offsetMinutes: number
}

export interface Commit {
  readonly tree: string
  readonly parents: readonly string[]
  readonly author: Identity
  readonly committer: Identity
  readonly message: string
}

/** What an annotated tag names. */
export interface Tag {
  /** Id of the object that is tagged, and its type: a tag may tag a tag. */
  readonly object: string
  readonly type: ObjectType
  /** The name, without `refs/tags/`. */
  readonly tag: string
}

/** A tag to be written: what it names, who made it, and why. */
export interface NewTag extends Tag {
  readonly tagger: Identity
  readonly message: string
}

const oidPattern = /^[0-9a-f]{40}$/
/** The longest path that Linux takes, so no checkout can hold a longer name. */
const maxNameBytes = 4096
const maxHeaderLineBytes = 65_536
const maxMessageBytes = 16 * 1024 * 1024
/** The last second that a JavaScript Date can show. */
const maxSeconds = 8_640_000_000_000
const newline = 10

/** Git's name for an object: SHA-1 of `type SP length NUL content`, in hex. */
export function objectId(type: ObjectType, content: Uint8Array): string {
  return createHash('sha1').update(`${type} ${content.length}\0`).update(content).digest('hex')
}

/** The 20 bytes of an object id. Throws MalformedInput unless it is 40 lower-case hex digits. */
export function oidBytes(oid: string): Buffer {
  if (!oidPattern.test(oid)) {
    throw new MalformedInput(
      'object id',
      `${JSON.stringify(oid.slice(0, 60))} is not 40 lower-case hex digits`,
    )
  }
  return Buffer.from(oid, 'hex')
}

/**
 * Git's order in a tree: by the bytes of the UTF-8 name, where a directory counts as `name/`
 * (gitformat: `base_name_compare` in read-cache.c). Negative when `a` comes first.
 */
export function compareTreeEntries(
  a: Pick<TreeEntry, 'mode' | 'name'>,
  b: Pick<TreeEntry, 'mode' | 'name'>,
): number {
  for (let i = 0; ; i++) {
    const left = sortKeyAt(a, i)
    const right = sortKeyAt(b, i)
    if (left !== right) return left - right
    if (left === -1) return 0
  }
}

/** UTF-16 code units, moved so that they order like UTF-8 bytes: surrogates come after U+E000..U+FFFF there. */
function sortKeyAt(entry: Pick<TreeEntry, 'mode' | 'name'>, i: number): number {
  if (i >= entry.name.length) return i === entry.name.length && entry.mode === '40000' ? 0x2f : -1
  const unit = entry.name.charCodeAt(i)
  if (unit < 0xd800) return unit
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800
}

/**
 * The content of a tree object with these entries, sorted as git wants. Throws MalformedInput for a name that no tree
 * may hold (empty, with `/` or NUL, `.`, `..`, `.git`) or that comes twice. What else a path that people choose may
 * not be, such as the other spellings of `.git`, is up to `tree-path.ts`.
 */
export function encodeTree(entries: Iterable<TreeEntry>): Uint8Array {
  const names = new Set<string>()
  const pieces: Uint8Array[] = []
  for (const entry of [...entries].sort(compareTreeEntries)) {
    if (!entry.name.isWellFormed()) throw badName(entry.name, 'holds half of a surrogate pair')
    checkName(entry.name)
    if (names.has(entry.name)) throw badName(entry.name, 'comes twice in one tree')
    names.add(entry.name)
    if (Buffer.byteLength(entry.name) > maxNameBytes)
      throw badName(entry.name, `is over ${maxNameBytes} bytes`)
    pieces.push(Buffer.from(`${entry.mode} ${entry.name}\0`), oidBytes(entry.oid))
  }
  return Buffer.concat(pieces)
}

/**
 * Entries of a tree object in the order they stand. Old modes are normalised (100664 → 100644); names must be valid
 * UTF-8 and pass the same check as on write. Order and double names are not checked: git's `index-pack --strict`
 * does that at the door. Throws MalformedInput with the byte where it broke.
 */
export function parseTree(content: Uint8Array): TreeEntry[] {
  const buffer = view(content)
  const entries: TreeEntry[] = []
  for (let at = 0; at < buffer.length; ) {
    const space = buffer.subarray(at, at + 8).indexOf(0x20)
    if (space < 0) throw new MalformedInput('tree', `no mode of octal digits and a space at byte ${at}`)
    const mode = normalMode(buffer.toString('latin1', at, at + space), at)
    const nameAt = at + space + 1
    const length = buffer.subarray(nameAt, nameAt + maxNameBytes + 1).indexOf(0)
    if (length < 0) {
      throw new MalformedInput('tree', `name at byte ${nameAt} has no NUL within ${maxNameBytes} bytes`)
    }
    const name = readName(buffer, nameAt, nameAt + length)
    const oidAt = nameAt + length + 1
    if (oidAt + 20 > buffer.length)
      throw new MalformedInput('tree', `object id at byte ${oidAt} is cut short`)
    entries.push({ mode, name, oid: buffer.toString('hex', oidAt, oidAt + 20) })
    at = oidAt + 20
  }
  return entries
}

function readName(buffer: Buffer, start: number, end: number): string {
  const name = buffer.toString('utf8', start, end)
  // Only a name with the replacement character can have been broken: the exact check is slower.
  if (name.includes('\ufffd') && !isUtf8(buffer.subarray(start, end))) {
    throw new MalformedInput('tree', `name ${JSON.stringify(name)} at byte ${start} is not UTF-8`)
  }
  checkName(name)
  return name
}

function normalMode(text: string, at: number): TreeMode {
  const mode = /^[0-7]{1,7}$/.test(text) ? Number.parseInt(text, 8) : 0
  const kind = mode & 0o170000
  if (kind === 0o100000) return mode & 0o100 ? '100755' : '100644'
  if (kind === 0o040000) return '40000'
  if (kind === 0o120000) return '120000'
  if (kind === 0o160000) return '160000'
  throw new MalformedInput(
    'tree',
    `mode ${JSON.stringify(text)} at byte ${at} is no file, directory, link or submodule`,
  )
}

function checkName(name: string): void {
  if (name === '') throw badName(name, 'is empty')
  if (name.includes('/') || name.includes('\0')) throw badName(name, 'holds a slash or a NUL')
  if (name === '.' || name === '..' || name.toLowerCase() === '.git') throw badName(name, 'is kept for git')
}

function badName(name: string, fault: string): MalformedInput {
  return new MalformedInput('tree', `name ${JSON.stringify(name.slice(0, 200))} ${fault}`)
}

/**
 * The content of a commit object. Names and emails lose what would break the line they stand in (`<`, `>`, controls)
 * and outer space, as git does itself; the message is kept to the byte. Throws MalformedInput for ids that are none,
 * a time that git cannot hold, a message with NUL.
 */
export function encodeCommit(commit: Commit): Uint8Array {
  const lines = [`tree ${checkedOid(commit.tree)}`]
  for (const parent of commit.parents) lines.push(`parent ${checkedOid(parent)}`)
  lines.push(`author ${identityLine(commit.author)}`, `committer ${identityLine(commit.committer)}`)
  return withMessage('commit', lines, commit.message)
}

/**
 * The content of an annotated tag, with the identity cleaned and the message kept as in a commit. The name must be one
 * that a ref may have (`ref-name.ts`); here only a line break in it is refused. Throws MalformedInput.
 */
export function encodeTag(tag: NewTag): Uint8Array {
  if (!/^[^\n\0]+$/.test(tag.tag)) throw new MalformedInput('tag', 'name is empty or more than one line')
  const lines = [`object ${checkedOid(tag.object)}`, `type ${tag.type}`, `tag ${tag.tag}`]
  lines.push(`tagger ${identityLine(tag.tagger)}`)
  return withMessage('tag', lines, tag.message)
}

function withMessage(subject: string, lines: readonly string[], message: string): Uint8Array {
  if (message.includes('\0')) throw new MalformedInput(`${subject} message`, 'holds a NUL character')
  return Buffer.from(`${lines.join('\n')}\n\n${message}`)
}

function checkedOid(oid: string): string {
  oidBytes(oid)
  return oid
}

function identityLine(who: Identity): string {
  const seconds = Math.floor(who.time / 1000)
  if (!(seconds >= 0 && seconds <= maxSeconds)) {
    throw new MalformedInput('identity', `time ${who.time} is not in milliseconds from 0 to ${maxSeconds}000`)
  }
  const minutes = Math.abs(who.offsetMinutes)
  if (!(Number.isInteger(minutes) && minutes < 100 * 60)) {
    throw new MalformedInput(
      'commit',
      `time zone of ${who.offsetMinutes} minutes is not whole or over 99 hours`,
    )
  }
  const sign = who.offsetMinutes < 0 ? '-' : '+'
  const zone = String(Math.floor(minutes / 60) * 100 + (minutes % 60)).padStart(4, '0')
  return `${cleanIdentity(who.name)} <${cleanIdentity(who.email)}> ${seconds} ${sign}${zone}`
}

function cleanIdentity(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what has to go
  return text.replace(/[<>\u0000-\u001f\u007f]/g, '').trim()
}

/**
 * Reads tree, parents, author, committer and message; other headers (gpgsig, encoding …) are passed over. Text that is
 * not UTF-8 is shown with U+FFFD. Throws MalformedInput, and LimitExceeded for a message over 16 MiB.
 */
export function parseCommit(content: Uint8Array): Commit {
  const lines = new HeaderLines('commit', content)
  const tree = lines.oid('tree')
  const parents: string[] = []
  while (lines.at('parent')) parents.push(lines.oid('parent'))
  const author = parseIdentity(lines.value('author'))
  const committer = parseIdentity(lines.value('committer'))
  return { tree, parents, author, committer, message: lines.messageAfterRest() }
}

/** Reads object, type and name of an annotated tag; tagger, message and signature are left alone. Throws MalformedInput. */
export function parseTag(content: Uint8Array): Tag {
  const lines = new HeaderLines('tag', content)
  const object = lines.oid('object')
  const type = lines.value('type')
  if (type !== 'commit' && type !== 'tree' && type !== 'blob' && type !== 'tag') {
    throw new MalformedInput('tag', `type ${JSON.stringify(type)} is not commit, tree, blob or tag`)
  }
  const tag = lines.value('tag')
  if (tag === '') throw new MalformedInput('tag', 'name is empty')
  return { object, type, tag }
}

/**
 * Reads what git shows of an author line: name before the first `<`, email up to the next `>`, then seconds and zone.
 * Histories of two decades hold lines that `git fsck` only warns about (no email, `+051800`, a time that is no number);
 * what cannot be read is empty, the epoch, or UTC.
 */
function parseIdentity(line: string): Identity {
  const open = line.indexOf('<')
  const close = line.indexOf('>', open)
  const name = (open < 0 ? line : line.slice(0, open)).trim()
  const email = open < 0 ? '' : line.slice(open + 1, close < 0 ? undefined : close).trim()
  const [, seconds = '0', sign, hours, minutes] =
    /^ ?(\d{1,13})(?: ([+-])(\d\d)(\d\d)$)?/.exec(close < 0 ? '' : line.slice(close + 1)) ?? []
  const time = Number(seconds) > maxSeconds ? 0 : Number(seconds) * 1000
  const offset = Number(hours ?? 0) * 60 + Number(minutes ?? 0)
  return { name, email, time, offsetMinutes: sign === '-' && offset > 0 ? -offset : offset }
}

/** Reads the `key SP value LF` lines at the head of a commit or tag, in the one order that git writes them. */
class HeaderLines {
  readonly #subject: string
  readonly #buffer: Buffer
  #at = 0

  constructor(subject: string, content: Uint8Array) {
    this.#subject = subject
    this.#buffer = view(content)
  }

  /** Whether the next line has this key. */
  at(key: string): boolean {
    return this.#buffer.toString('latin1', this.#at, this.#at + key.length + 1) === `${key} `
  }

  value(key: string): string {
    if (!this.at(key)) throw new MalformedInput(this.#subject, `no ${key} line at byte ${this.#at}`)
    const start = this.#at + key.length + 1
    const length = this.#buffer.subarray(start, start + maxHeaderLineBytes).indexOf(newline)
    if (length < 0) {
      throw new MalformedInput(
        this.#subject,
        `${key} line at byte ${this.#at} does not end within ${maxHeaderLineBytes} bytes`,
      )
    }
    this.#at = start + length + 1
    return this.#buffer.toString('utf8', start, start + length)
  }

  oid(key: string): string {
    const value = this.value(key)
    if (!oidPattern.test(value)) {
      throw new MalformedInput(this.#subject, `${key} is not 40 lower-case hex digits`)
    }
    return value
  }

  /** Passes over the other headers. An object that ends with its headers has the empty message, as in git. */
  messageAfterRest(): string {
    let at = this.#at
    while (at < this.#buffer.length && this.#buffer[at] !== newline) {
      const end = this.#buffer.indexOf(newline, at)
      if (end < 0) throw new MalformedInput(this.#subject, `header at byte ${at} does not end with a newline`)
      at = end + 1
    }
    const length = this.#buffer.length - at - 1
    if (length > maxMessageBytes) {
      throw new LimitExceeded(`${this.#subject} message`, maxMessageBytes, 'bytes', length)
    }
    return this.#buffer.toString('utf8', Math.min(at + 1, this.#buffer.length))
  }
}

function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
