import { isUtf8 } from 'node:buffer'
import { MalformedInput } from '../kernel/errors.ts'
import { oidBytes } from './git-object.ts'

/** The modes that git writes today: file, executable, symbolic link, directory, submodule commit. */
export type TreeMode = '100644' | '100755' | '120000' | '40000' | '160000'

export interface TreeEntry {
  readonly mode: TreeMode
  readonly name: string
  readonly oid: string
}

/** The longest path that Linux takes, so no checkout can hold a longer name. */
const maxNameBytes = 4096
const maxModeDigits = 7
const oidLength = 20
/** Five digits, a space, one byte of name, NUL, the id. */
const minEntryLength = 5 + 1 + 1 + 1 + oidLength
const slash = 0x2f
const end = -1

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
    if (left === end) return 0
  }
}

/** UTF-16 code units, moved so that they order like UTF-8 bytes: surrogates come after U+E000..U+FFFF there. */
function sortKeyAt(entry: Pick<TreeEntry, 'mode' | 'name'>, i: number): number {
  if (i >= entry.name.length) return i === entry.name.length && entry.mode === '40000' ? slash : end
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
    if (names.has(entry.name)) throw badName(entry.name, 'comes twice in one tree')
    names.add(entry.name)
    pieces.push(encodeEntry(entry))
  }
  return Buffer.concat(pieces)
}

function encodeEntry({ mode, name, oid }: TreeEntry): Uint8Array {
  if (!name.isWellFormed()) throw badName(name, 'holds half of a surrogate pair')
  checkName(name)
  const head = Buffer.from(`${mode} ${name}\0`)
  if (head.length - mode.length - 2 > maxNameBytes) throw badName(name, `is over ${maxNameBytes} bytes`)
  return Buffer.concat([head, oidBytes(oid)])
}

/** Entries that lie next to each other are compared so many at a time. */
const run = 64

/**
 * A tree object, read where it lies: `content` must not change while this is used. A folder may hold 100,000 files, of
 * which a page or one name is wanted, so entries are made when they are asked for.
 *
 * Modes are normalised (100664 → 100644), names must be valid UTF-8 and pass the same check as on write. That entries
 * are in order and come once is not checked: git's `index-pack --strict` does that at the door. Throws MalformedInput
 * with the byte where it broke.
 */
export class Tree {
  /** Number of entries. */
  readonly count: number
  /** What this takes in memory, `content` included. */
  readonly byteLength: number
  readonly #bytes: Buffer
  /** Where each entry starts, and where the last one ends. */
  readonly #starts: Uint32Array

  constructor(content: Uint8Array) {
    this.#bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength)
    this.#starts = entryStarts(this.#bytes)
    this.count = this.#starts.length - 1
    this.byteLength = content.byteLength + this.#starts.byteLength
  }

  /** All entries, in the order they stand. */
  entries(): TreeEntry[] {
    return Array.from({ length: this.count }, (_, i) => this.#entry(i))
  }

  /** The entry at a position from 0 on; undefined beyond the last. */
  at(position: number): TreeEntry | undefined {
    return position < this.count ? this.#entry(position) : undefined
  }

  /** The entry of that name. */
  find(name: string): TreeEntry | undefined {
    const i = this.#positionOf(name)
    return i === undefined ? undefined : this.#entry(i)
  }

  /**
   * The content of a tree with these entries put in place, or taken out where there is none. All others are copied as
   * they stand. Throws MalformedInput for a name as `encodeTree` does.
   */
  with(changes: ReadonlyMap<string, TreeEntry | undefined>): Uint8Array {
    const edits: { from: number; to: number; bytes: Uint8Array }[] = []
    for (const entry of [...changes.values()].filter(entry => entry !== undefined).sort(compareTreeEntries)) {
      const from = this.#starts[this.#lowerBound(sortKeyOf(entry))]!
      edits.push({ from, to: from, bytes: encodeEntry(entry) })
    }
    for (const name of changes.keys()) {
      const i = this.#positionOf(name)
      if (i === undefined) continue
      edits.push({ from: this.#starts[i]!, to: this.#starts[i + 1]!, bytes: new Uint8Array() })
    }
    const pieces: Uint8Array[] = []
    let copied = 0
    for (const { from, to, bytes } of edits.sort((a, b) => a.from - b.from)) {
      pieces.push(this.#bytes.subarray(copied, Math.max(copied, from)), bytes)
      copied = Math.max(copied, to)
    }
    return Buffer.concat([...pieces, this.#bytes.subarray(copied)])
  }

  /** Names of entries that `other` has not, or has with another mode or id. Both must be in git's order. */
  namesNotIn(other: Tree): string[] {
    const names: string[] = []
    for (let i = 0, j = 0; i < this.count; ) {
      if (this.#equalRun(i, other, j, run)) {
        i += run
        j += run
        continue
      }
      // One of the next entries differs: one by one through as many.
      for (const stop = i + run; i < stop && i < this.count; ) {
        const order = j < other.count ? this.#compareEntry(i, other, j) : -1
        if (order < 0 || (order === 0 && !this.#equal(i, other, j))) names.push(this.#name(i))
        if (order <= 0) i++
        if (order >= 0) j++
      }
    }
    return names
  }

  #equalRun(i: number, other: Tree, j: number, count: number): boolean {
    if (i + count > this.count || j + count > other.count) return false
    const from = this.#starts[i]!
    const to = this.#starts[i + count]!
    const otherFrom = other.#starts[j]!
    const otherTo = other.#starts[j + count]!
    if (to - from !== otherTo - otherFrom) return false
    return this.#bytes.compare(other.#bytes, otherFrom, otherTo, from, to) === 0
  }

  /** Of two entries of one name: whether mode and id are the same. */
  #equal(i: number, other: Tree, j: number): boolean {
    if (this.#equalRun(i, other, j, 1)) return true
    const mine = this.#entry(i)
    const its = other.#entry(j)
    return mine.mode === its.mode && mine.oid === its.oid
  }

  #entry(i: number): TreeEntry {
    const start = this.#starts[i]!
    const next = this.#starts[i + 1]!
    return {
      mode: modeAt(this.#bytes, start, spaceAfter(this.#bytes, start)),
      name: this.#name(i),
      oid: this.#bytes.toString('hex', next - oidLength, next),
    }
  }

  #name(i: number): string {
    const nameAt = spaceAfter(this.#bytes, this.#starts[i]!) + 1
    return this.#bytes.toString('utf8', nameAt, this.#starts[i + 1]! - oidLength - 1)
  }

  #positionOf(name: string): number | undefined {
    for (const key of [Buffer.from(name), Buffer.from(`${name}/`)]) {
      const i = this.#lowerBound(key)
      if (i < this.count && this.#compare(i, key) === 0) return i
    }
    return undefined
  }

  #lowerBound(key: Uint8Array): number {
    let low = 0
    let high = this.count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#compare(middle, key) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  #compare(i: number, key: Uint8Array): number {
    const mine = this.#keyOf(i)
    for (let at = 0; ; at++) {
      const left = this.#keyAt(mine, at)
      const right = key[at] ?? end
      if (left !== right) return left - right
      if (left === end) return 0
    }
  }

  #compareEntry(i: number, other: Tree, j: number): number {
    const mine = this.#keyOf(i)
    const its = other.#keyOf(j)
    for (let at = 0; ; at++) {
      const left = this.#keyAt(mine, at)
      const right = other.#keyAt(its, at)
      if (left !== right) return left - right
      if (left === end) return 0
    }
  }

  #keyOf(i: number): SortKey {
    const start = this.#starts[i]!
    const space = spaceAfter(this.#bytes, start)
    return {
      nameAt: space + 1,
      nameEnd: this.#starts[i + 1]! - oidLength - 1,
      isDirectory: (octal(this.#bytes, start, space) & 0o170000) === 0o040000,
    }
  }

  #keyAt({ nameAt, nameEnd, isDirectory }: SortKey, at: number): number {
    if (nameAt + at < nameEnd) return this.#bytes[nameAt + at]!
    return isDirectory && nameAt + at === nameEnd ? slash : end
  }
}

function sortKeyOf({ mode, name }: TreeEntry): Uint8Array {
  return Buffer.from(mode === '40000' ? `${name}/` : name)
}

interface SortKey {
  readonly nameAt: number
  readonly nameEnd: number
  readonly isDirectory: boolean
}

/** Checks every entry of a tree on the way. */
function entryStarts(bytes: Buffer): Uint32Array {
  const starts = new Uint32Array(Math.floor(bytes.length / minEntryLength) + 1)
  let count = 0
  for (let at = 0; at < bytes.length; ) {
    const space = spaceAfter(bytes, at)
    if (!isKnownMode(octal(bytes, at, space))) throw badMode(bytes, at, space)
    const nameEnd = endOfName(bytes, space + 1)
    const next = nameEnd + 1 + oidLength
    if (next > bytes.length) throw new MalformedInput('tree', `object id at byte ${nameEnd + 1} is cut short`)
    starts[count++] = at
    at = next
  }
  starts[count] = bytes.length
  return starts.slice(0, count + 1)
}

/** Where the space stands that ends the mode at `at`. */
function spaceAfter(bytes: Buffer, at: number): number {
  for (let next = at; next <= at + maxModeDigits; next++) if (bytes[next] === 0x20) return next
  throw new MalformedInput('tree', `no mode of octal digits and a space at byte ${at}`)
}

/** -1 when it is no octal number. */
function octal(bytes: Buffer, from: number, to: number): number {
  let value = from === to ? -1 : 0
  for (let at = from; at < to; at++) {
    const digit = bytes[at]! - 0x30
    if (digit < 0 || digit > 7) return -1
    value = value * 8 + digit
  }
  return value
}

function isKnownMode(mode: number): boolean {
  const kind = mode & 0o170000
  return mode >= 0 && (kind === 0o100000 || kind === 0o040000 || kind === 0o120000 || kind === 0o160000)
}

function modeAt(bytes: Buffer, at: number, space: number): TreeMode {
  const mode = octal(bytes, at, space)
  const kind = mode & 0o170000
  if (kind === 0o100000) return mode & 0o100 ? '100755' : '100644'
  if (kind === 0o040000) return '40000'
  return kind === 0o120000 ? '120000' : '160000'
}

function badMode(bytes: Buffer, at: number, space: number): MalformedInput {
  const text = JSON.stringify(bytes.toString('latin1', at, space))
  return new MalformedInput('tree', `mode ${text} at byte ${at} is no file, directory, link or submodule`)
}

/** Where the NUL stands that ends the name at `start`, which is checked. */
function endOfName(bytes: Buffer, start: number): number {
  let at = start
  let bits = 0
  let hasSlash = false
  for (let byte = bytes[at]; byte !== 0; byte = bytes[++at]) {
    if (byte === undefined || at - start > maxNameBytes) {
      throw new MalformedInput('tree', `name at byte ${start} has no NUL within ${maxNameBytes} bytes`)
    }
    bits |= byte
    hasSlash ||= byte === slash
  }
  if (hasSlash || at - start <= 4) checkName(bytes.toString('utf8', start, at))
  if (bits >= 0x80 && !isUtf8(bytes.subarray(start, at))) {
    const name = bytes.toString('utf8', start, at)
    throw new MalformedInput('tree', `name ${JSON.stringify(name)} at byte ${start} is not UTF-8`)
  }
  return at
}

function checkName(name: string): void {
  if (name === '') throw badName(name, 'is empty')
  if (name.includes('/') || name.includes('\0')) throw badName(name, 'holds a slash or a NUL')
  if (name === '.' || name === '..' || name.toLowerCase() === '.git') throw badName(name, 'is kept for git')
}

function badName(name: string, fault: string): MalformedInput {
  return new MalformedInput('tree', `name ${JSON.stringify(name.slice(0, 200))} ${fault}`)
}
