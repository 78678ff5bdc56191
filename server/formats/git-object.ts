import { createHash } from 'node:crypto'
import { LimitExceeded, MalformedInput } from '../kernel/errors.ts'

/** The four kinds of git object. SHA-1 repositories only: an object id is 40 lower-case hex digits. */
export type ObjectType = 'commit' | 'tree' | 'blob' | 'tag'

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
