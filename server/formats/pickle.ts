import { LimitExceeded, MalformedInput } from '../kernel/errors.ts'

/**
 * Pickles, protocols 0 to 5, read without running anything: a global is its name, and a call of it what `call` makes of
 * the two. Source: CPython `Lib/pickletools.py`, which documents each opcode.
 */
export type PickleValue =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | PickleValue[]
  | PickleDict
  | PickleGlobal
  | PickleObject
  | PickleMark

/** Keys and values by turns, as they were set: a later one of the same key stands over an earlier one. */
export class PickleDict {
  readonly items: PickleValue[] = []

  pairs(): [PickleValue, PickleValue][] {
    const { items } = this
    return Array.from({ length: items.length >> 1 }, (_, n) => [items[2 * n]!, items[2 * n + 1]!])
  }
}

/** A function or class, by its name. */
export class PickleGlobal {
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
}

/** What calling a global would have made, or what a persistent id stands for (`global` undefined). */
export class PickleObject {
  readonly global: string | undefined
  readonly args: PickleValue
  state: PickleValue = null
  constructor(global: string | undefined, args: PickleValue) {
    this.global = global
    this.args = args
  }
}

class PickleMark {}

export interface Unpickled {
  readonly value: PickleValue
  /** Where the next pickle begins, if there is one. */
  readonly end: number
}

const subject = 'pickle'
/** Lists, dictionaries, objects and numbers of a pickle take memory by far more than its bytes. */
const valueLimit = 300_000
const opcodeLimit = 1_500_000
const globalLimit = 1000

/**
 * The pickle that begins at `start`. The names of all globals in it are added to `globals` as they come: what breaks after
 * them would have been called before. Throws MalformedInput or LimitExceeded.
 */
export function readPickle(bytes: Uint8Array, start: number, globals: Set<string>): Unpickled {
  return new Machine(bytes, start, globals).run()
}

class Machine {
  readonly #bytes: Buffer
  #at: number
  #stack: PickleValue[] = []
  readonly #memo = new Map<number, PickleValue>()
  readonly #globals: Set<string>
  #made = 0

  constructor(bytes: Uint8Array, start: number, globals: Set<string>) {
    this.#globals = globals
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#at = start
  }

  run(): Unpickled {
    for (let n = 0; ; n++) {
      if (n === opcodeLimit) throw new LimitExceeded(subject, opcodeLimit, 'opcodes')
      const opcode = String.fromCharCode(this.#u8())
      if (opcode === '.') return { value: this.#pop(), end: this.#at }
      this.#step(opcode)
    }
  }

  #step(opcode: string): void {
    const isKnown =
      this.#pushPlain(opcode) || this.#pushMade(opcode) || this.#change(opcode) || this.#keep(opcode)
    if (!isKnown)
      throw new MalformedInput(subject, `has no opcode ${JSON.stringify(opcode)} at byte ${this.#at - 1}`)
  }

  /** Numbers, text, bytes. */
  #pushPlain(opcode: string): boolean {
    const value = this.#plain(opcode)
    if (value === undefined) return false
    this.#push(value)
    return true
  }

  #plain(opcode: string): PickleValue | undefined {
    switch (opcode) {
      case 'N':
        return null
      case '\x88':
        return true
      case '\x89':
        return false
      case 'I': {
        const line = this.#line()
        return line === '00' || line === '01' ? line === '01' : Number(line)
      }
      case 'J':
        return this.#take(4).readInt32LE()
      case 'K':
        return this.#u8()
      case 'M':
        return this.#take(2).readUInt16LE()
      case 'L':
        return Number(this.#line().replace(/L$/, ''))
      case '\x8a':
        return toNumber(this.#take(this.#u8()))
      case '\x8b':
        return toNumber(this.#take(this.#u32()))
      case 'F':
        return Number(this.#line())
      case 'G':
        return this.#take(8).readDoubleBE()
      case 'S':
      case 'V':
        return this.#line().replace(/^(['"])(.*)\1$/s, '$2')
      case 'T':
        return this.#take(this.#u32()).toString('latin1')
      case 'U':
        return this.#take(this.#u8()).toString('latin1')
      case 'X':
        return this.#take(this.#u32()).toString('utf8')
      case '\x8c':
        return this.#take(this.#u8()).toString('utf8')
      case '\x8d':
        return this.#take(this.#u64()).toString('utf8')
      case 'B':
        return this.#take(this.#u32())
      case 'C':
        return this.#take(this.#u8())
      case '\x8e':
      case '\x96':
        return this.#take(this.#u64())
      case '\x97':
        return null
      default:
        return undefined
    }
  }

  /** Lists, dictionaries, globals and what is made of them. */
  #pushMade(opcode: string): boolean {
    const value = this.#make(opcode)
    if (value === undefined) return false
    if (++this.#made > valueLimit) throw new LimitExceeded(subject, valueLimit, 'values')
    this.#push(value)
    return true
  }

  #make(opcode: string): PickleValue | undefined {
    switch (opcode) {
      case ']':
      case ')':
      case '\x8f':
        return []
      case '}':
        return new PickleDict()
      case 'l':
      case 't':
      case '\x91':
        return this.#sinceMark()
      case 'd':
        return dictOf(this.#sinceMark())
      case '\x85':
      case '\x86':
      case '\x87':
        return this.#popMany(opcode.charCodeAt(0) - 0x84)
      case 'c':
        return this.#global(this.#line(), this.#line())
      case '\x93': {
        const [module, name] = this.#popMany(2)
        return this.#global(String(module), String(name))
      }
      case 'i':
        return call(this.#global(this.#line(), this.#line()), this.#sinceMark())
      case 'o': {
        const [made, ...args] = this.#sinceMark()
        return call(made ?? null, args)
      }
      case 'R':
      case '\x81': {
        const [made, args] = this.#popMany(2)
        return call(made!, args!)
      }
      case '\x92': {
        const [made, args] = this.#popMany(3)
        return call(made!, args!)
      }
      case 'P':
        return new PickleObject(undefined, this.#line())
      case 'Q':
        return new PickleObject(undefined, this.#pop())
      case '\x82':
        return this.#global('copyreg', `extension ${this.#u8()}`)
      case '\x83':
        return this.#global('copyreg', `extension ${this.#take(2).readUInt16LE()}`)
      case '\x84':
        return this.#global('copyreg', `extension ${this.#u32()}`)
      default:
        return undefined
    }
  }

  /** Adds to what is there. */
  #change(opcode: string): boolean {
    switch (opcode) {
      case 'a':
        this.#append([this.#pop()])
        return true
      case 'e':
      case '\x90':
        this.#append(this.#sinceMark())
        return true
      case 's':
        this.#set(this.#popMany(2))
        return true
      case 'u':
        this.#set(this.#sinceMark())
        return true
      case 'b': {
        const state = this.#pop()
        const object = this.#top()
        if (object instanceof PickleObject) object.state = state
        return true
      }
      default:
        return false
    }
  }

  /** Marks, what is kept in the memo, and what says nothing of values: version, frames, read-only buffers. */
  #keep(opcode: string): boolean {
    switch (opcode) {
      case '\x80':
        this.#u8()
        break
      case '\x95':
        this.#take(8)
        break
      case '\x98':
        break
      case '(':
        this.#push(new PickleMark())
        break
      case '0':
        this.#pop()
        break
      case '1':
        this.#sinceMark()
        break
      case '2':
        this.#push(this.#top())
        break
      case 'p':
        this.#remember(Number(this.#line()))
        break
      case 'q':
        this.#remember(this.#u8())
        break
      case 'r':
        this.#remember(this.#u32())
        break
      case '\x94':
        this.#remember(this.#memo.size)
        break
      case 'g':
        this.#recall(Number(this.#line()))
        break
      case 'h':
        this.#recall(this.#u8())
        break
      case 'j':
        this.#recall(this.#u32())
        break
      default:
        return false
    }
    return true
  }

  #append(values: PickleValue[]): void {
    const list = this.#top()
    if (Array.isArray(list)) for (const value of values) list.push(value)
  }

  #set(items: PickleValue[]): void {
    const top = this.#top()
    let dict = top
    // An OrderedDict is made by a call, and filled like a dictionary.
    if (top instanceof PickleObject) {
      if (!(top.state instanceof PickleDict)) top.state = new PickleDict()
      dict = top.state
    }
    if (dict instanceof PickleDict) for (const item of items) dict.items.push(item)
  }

  #global(module: string, name: string): PickleGlobal {
    const full = `${module}.${name}`.slice(0, 300)
    this.#globals.add(full)
    if (this.#globals.size > globalLimit) throw new LimitExceeded(subject, globalLimit, 'globals')
    return new PickleGlobal(full)
  }

  #remember(key: number): void {
    if (this.#memo.size > valueLimit) throw new LimitExceeded(`memo of a ${subject}`, valueLimit, 'values')
    this.#memo.set(key, this.#top())
  }

  #recall(key: number): void {
    const value = this.#memo.get(key)
    if (value === undefined) throw new MalformedInput(subject, `asks for value ${key}, which it has not kept`)
    this.#push(value)
  }

  #push(value: PickleValue): void {
    if (this.#stack.length === valueLimit)
      throw new LimitExceeded(`stack of a ${subject}`, valueLimit, 'values')
    this.#stack.push(value)
  }

  #top(): PickleValue {
    const top = this.#stack.at(-1)
    if (top === undefined) throw new MalformedInput(subject, `takes from an empty stack at byte ${this.#at}`)
    return top
  }

  #pop(): PickleValue {
    const top = this.#top()
    this.#stack.pop()
    return top
  }

  #popMany(count: number): PickleValue[] {
    if (this.#stack.length < count) this.#stack = []
    this.#top()
    return this.#stack.splice(-count)
  }

  #sinceMark(): PickleValue[] {
    const at = this.#stack.findLastIndex(value => value instanceof PickleMark)
    if (at < 0) throw new MalformedInput(subject, `has no mark before byte ${this.#at}`)
    return this.#stack.splice(at).slice(1)
  }

  #take(length: number): Buffer {
    if (length > this.#bytes.length - this.#at)
      throw new MalformedInput(subject, `ends in the middle: byte ${this.#at} begins something of ${length}`)
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  #u8(): number {
    return this.#take(1).readUInt8()
  }

  #u32(): number {
    return this.#take(4).readUInt32LE()
  }

  #u64(): number {
    return Number(this.#take(8).readBigUInt64LE())
  }

  #line(): string {
    const end = this.#bytes.indexOf(10, this.#at)
    if (end < 0) throw new MalformedInput(subject, `has a line that does not end, at byte ${this.#at}`)
    const line = this.#take(end - this.#at).toString('utf8')
    this.#at++
    return line
  }
}

function call(made: PickleValue, args: PickleValue): PickleValue {
  return new PickleObject(made instanceof PickleGlobal ? made.name : 'something', args)
}

function dictOf(items: PickleValue[]): PickleDict {
  const dict = new PickleDict()
  for (const item of items) dict.items.push(item)
  return dict
}

/** A whole number with a sign, little-endian; one beyond 2^53 is not exact. */
function toNumber(bytes: Buffer): number {
  if (bytes.length === 0) return 0
  if (bytes.length > 8) return Number.NaN
  const filled = Buffer.alloc(8, bytes.at(-1)! & 128 ? 255 : 0)
  filled.set(bytes)
  return Number(filled.readBigInt64LE())
}
