import { LimitExceeded, MalformedInput } from '../kernel/errors.ts'

/**
 * The vocabulary in a `tokenizer.json` (tokenizers `src/tokenizer/serialization.rs`): `model.vocab` is a record of ids by
 * token (BPE, WordPiece, WordLevel) or a list of [token, score] (Unigram); `added_tokens` come on top. Merges, often most
 * of the file, are walked over and take no memory.
 */

const subject = 'tokenizer.json'
const tokenLimit = 1024 * 1024
const addedLimit = 4 * 1024 * 1024

/** Token of each id. An id without a token has the name that llama.cpp gives it, `[PAD7]`. Throws MalformedInput. */
export function parseTokenizerJson(bytes: Uint8Array): string[] {
  const walker = new JsonWalker(bytes)
  const ids = new Map<number, string>()
  walker.record(key => {
    if (key === 'added_tokens') return readAdded(walker, ids)
    if (key !== 'model' || walker.peek() !== '{') return walker.skip()
    walker.record(part => (part === 'vocab' ? readVocabulary(walker, ids) : walker.skip()))
  })
  return inOrder(ids)
}

/** The same of a `vocab.json`: ids by token. */
export function parseVocabularyJson(bytes: Uint8Array): string[] {
  const ids = new Map<number, string>()
  readVocabulary(new JsonWalker(bytes), ids)
  return inOrder(ids)
}

function readVocabulary(walker: JsonWalker, ids: Map<number, string>): void {
  if (walker.peek() === '{') walker.record(token => add(ids, walker.number(), token))
  else
    walker.list(id => {
      let token: string | undefined
      walker.list(n => {
        if (n === 0) token = walker.text()
        else walker.skip()
      })
      add(ids, id, token ?? '')
    })
}

/** Those of `added_tokens` stand over the others. */
function readAdded(walker: JsonWalker, ids: Map<number, string>): void {
  for (const token of walker.whole(addedLimit) as { id?: unknown; content?: unknown }[])
    if (typeof token?.id === 'number' && typeof token.content === 'string')
      add(ids, token.id, token.content, true)
}

function add(ids: Map<number, string>, id: number, token: string, isOver = false): void {
  if (!Number.isInteger(id) || id < 0 || id >= tokenLimit)
    throw new MalformedInput(subject, `has a token with the id ${id}; ids are below ${tokenLimit}`)
  if (isOver || !ids.has(id)) ids.set(id, token)
}

function inOrder(ids: Map<number, string>): string[] {
  const count = [...ids.keys()].reduce((most, id) => Math.max(most, id + 1), 0)
  if (count > 2 * ids.size + 1000)
    throw new MalformedInput(subject, `has ids up to ${count - 1}, and only ${ids.size} tokens`)
  return Array.from({ length: count }, (_, id) => ids.get(id) ?? padToken(id))
}

export function padToken(id: number): string {
  return `[PAD${id}]`
}

/** Walks JSON where it lies; of what it is not asked for it checks only as much as it takes to find its end. */
class JsonWalker {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  /** The next character that is no space, which stays where it is; '' at the end. */
  peek(): string {
    while (this.#at < this.#bytes.length && this.#bytes[this.#at]! <= 0x20) this.#at++
    return this.#at < this.#bytes.length ? String.fromCharCode(this.#bytes[this.#at]!) : ''
  }

  record(each: (key: string) => void): void {
    this.#items('{', '}', () => {
      const key = this.text()
      this.#take(':')
      each(key)
    })
  }

  list(each: (n: number) => void): void {
    this.#items('[', ']', each)
  }

  text(): string {
    if (this.peek() !== '"') throw this.#wrong('text')
    const start = this.#at
    this.#skipText()
    return this.#parse(start) as string
  }

  number(): number {
    if (!/[-\d]/.test(this.peek())) throw this.#wrong('number')
    const start = this.#at
    this.#skipWord()
    return this.#parse(start) as number
  }

  skip(): void {
    let depth = 0
    do {
      const next = this.peek()
      if (next === '') throw this.#wrong('value')
      if (next === '"') this.#skipText()
      else if (/[-\w]/.test(next)) this.#skipWord()
      else {
        if (next === '{' || next === '[') depth++
        else if (next === '}' || next === ']') depth--
        this.#at++
      }
    } while (depth > 0)
    if (depth < 0) throw this.#wrong('value')
  }

  /** The next value, a list, of at most so many bytes. */
  whole(limit: number): unknown[] {
    if (this.peek() !== '[') throw this.#wrong('list')
    const start = this.#at
    this.skip()
    if (this.#at - start > limit) throw new LimitExceeded(`a list of ${subject}`, limit, 'bytes')
    return this.#parse(start) as unknown[]
  }

  #items(open: string, close: string, each: (n: number) => void): void {
    this.#take(open)
    for (let n = 0; this.peek() !== close; n++) {
      if (n > tokenLimit) throw new LimitExceeded(subject, tokenLimit, 'entries')
      if (n > 0) this.#take(',')
      each(n)
    }
    this.#at++
  }

  #take(character: string): void {
    if (this.peek() !== character) throw this.#wrong(`"${character}"`)
    this.#at++
  }

  #skipText(): void {
    for (let at = this.#at + 1; at < this.#bytes.length; at++) {
      const byte = this.#bytes[at]
      if (byte === 0x5c) at++
      else if (byte === 0x22) {
        this.#at = at + 1
        return
      }
    }
    throw this.#wrong('text that ends')
  }

  #skipWord(): void {
    while (this.#at < this.#bytes.length && /[-+.\w]/.test(String.fromCharCode(this.#bytes[this.#at]!)))
      this.#at++
  }

  #parse(start: number): unknown {
    try {
      return JSON.parse(this.#bytes.toString('utf8', start, this.#at))
    } catch {
      throw this.#wrong('JSON that ends')
    }
  }

  #wrong(expected: string): MalformedInput {
    return new MalformedInput(subject, `has no ${expected} at byte ${this.#at}`)
  }
}
