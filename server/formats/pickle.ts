import { LimitExceeded, MalformedInput } from '../kernel/errors.ts'
import { PickleBytes } from './pickle-bytes.ts'
import { PickleDict, PickleGlobal, PickleMark, PickleObject, type PickleValue } from './pickle-values.ts'

/**
 * Pickles, protocols 0 to 5, read without running anything: a global is its name, and a call of it what `call` makes of
 * the two. Source: CPython `Lib/pickletools.py`, which documents each opcode.
 */
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
  readonly #bytes: PickleBytes
  #stack: PickleValue[] = []
  readonly #memo = new Map<number, PickleValue>()
  readonly #globals: Set<string>
  #made = 0

  constructor(bytes: Uint8Array, start: number, globals: Set<string>) {
    this.#globals = globals
    this.#bytes = new PickleBytes(bytes, start)
  }

  run(): Unpickled {
    for (let n = 0; ; n++) {
      if (n === opcodeLimit) throw new LimitExceeded(subject, opcodeLimit, 'opcodes')
      const opcode = String.fromCharCode(this.#bytes.u8())
      if (opcode === '.') return { value: this.#pop(), end: this.#bytes.at }
      this.#step(opcode)
    }
  }

  #step(opcode: string): void {
    const isKnown =
      this.#pushPlain(opcode) || this.#pushMade(opcode) || this.#change(opcode) || this.#keep(opcode)
    if (!isKnown)
      throw new MalformedInput(
        subject,
        `has no opcode ${JSON.stringify(opcode)} at byte ${this.#bytes.at - 1}`,
      )
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
        const line = this.#bytes.line()
        return line === '00' || line === '01' ? line === '01' : Number(line)
      }
      case 'J':
        return this.#bytes.take(4).readInt32LE()
      case 'K':
        return this.#bytes.u8()
      case 'M':
        return this.#bytes.take(2).readUInt16LE()
      case 'L':
        return Number(this.#bytes.line().replace(/L$/, ''))
      case '\x8a':
        return toNumber(this.#bytes.take(this.#bytes.u8()))
      case '\x8b':
        return toNumber(this.#bytes.take(this.#bytes.u32()))
      case 'F':
        return Number(this.#bytes.line())
      case 'G':
        return this.#bytes.take(8).readDoubleBE()
      case 'S':
      case 'V':
        return this.#bytes.line().replace(/^(['"])(.*)\1$/s, '$2')
      case 'T':
        return this.#bytes.take(this.#bytes.u32()).toString('latin1')
      case 'U':
        return this.#bytes.take(this.#bytes.u8()).toString('latin1')
      case 'X':
        return this.#bytes.take(this.#bytes.u32()).toString('utf8')
      case '\x8c':
        return this.#bytes.take(this.#bytes.u8()).toString('utf8')
      case '\x8d':
        return this.#bytes.take(this.#bytes.u64()).toString('utf8')
      case 'B':
        return this.#bytes.take(this.#bytes.u32())
      case 'C':
        return this.#bytes.take(this.#bytes.u8())
      case '\x8e':
      case '\x96':
        return this.#bytes.take(this.#bytes.u64())
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
        return this.#global(this.#bytes.line(), this.#bytes.line())
      case '\x93': {
        const [module, name] = this.#popMany(2)
        return this.#global(String(module), String(name))
      }
      case 'i':
        return call(this.#global(this.#bytes.line(), this.#bytes.line()), this.#sinceMark())
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
        return new PickleObject(undefined, this.#bytes.line())
      case 'Q':
        return new PickleObject(undefined, this.#pop())
      case '\x82':
        return this.#global('copyreg', `extension ${this.#bytes.u8()}`)
      case '\x83':
        return this.#global('copyreg', `extension ${this.#bytes.take(2).readUInt16LE()}`)
      case '\x84':
        return this.#global('copyreg', `extension ${this.#bytes.u32()}`)
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
        this.#bytes.u8()
        break
      case '\x95':
        this.#bytes.take(8)
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
        this.#remember(Number(this.#bytes.line()))
        break
      case 'q':
        this.#remember(this.#bytes.u8())
        break
      case 'r':
        this.#remember(this.#bytes.u32())
        break
      case '\x94':
        this.#remember(this.#memo.size)
        break
      case 'g':
        this.#recall(Number(this.#bytes.line()))
        break
      case 'h':
        this.#recall(this.#bytes.u8())
        break
      case 'j':
        this.#recall(this.#bytes.u32())
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
    if (top === undefined)
      throw new MalformedInput(subject, `takes from an empty stack at byte ${this.#bytes.at}`)
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
    if (at < 0) throw new MalformedInput(subject, `has no mark before byte ${this.#bytes.at}`)
    return this.#stack.splice(at).slice(1)
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
