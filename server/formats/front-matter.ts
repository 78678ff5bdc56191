import { Composer, type CST, isAlias, isMap, isScalar, isSeq, type Node, Parser, type YAMLMap } from 'yaml'

/** Largest YAML block that is read, in characters. The largest public dataset cards have half as many. */
const BLOCK_LIMIT = 1024 * 1024
/** Deepest nesting, and most values once aliases are replaced by what they stand for. */
const DEPTH_LIMIT = 64
const VALUE_LIMIT = 200_000
/** Most characters that mean structure (brackets, commas, quotes, `- `, `: `), since each costs some microseconds. */
const INDICATOR_LIMIT = 250_000
/** Faults after the first few come from the same cause. */
const FAULT_LIMIT = 10

/** What card metadata is made of: JSON. */
export type CardValue = string | number | boolean | null | CardValue[] | { [key: string]: CardValue }
export type CardData = { [key: string]: CardValue }

/** Metadata and text of a card. `faults` say what is wrong with the YAML, with line numbers of the README; then `data` is empty. */
export type FrontMatter = {
  readonly data: CardData
  readonly body: string
  readonly faults: readonly string[]
}

/**
 * Splits a README.md at its two `---` lines and reads the YAML between them; without such a block `data` is empty and
 * the body everything. The first `---` must open the text (a byte order mark and white space may stand before it);
 * LF, CRLF and CR end lines (huggingface_hub repocard.py: REGEX_YAML_BLOCK). YAML 1.2, so that dates and `no` stay
 * text. Never throws: hostile YAML (deep nesting, alias bombs, over 1 Mi characters) is a fault like any other.
 */
export function parseFrontMatter(markdown: string): FrontMatter {
  const text = markdown.replace(/^\ufeff/, '')
  const open = /^\s*---[ \t]*(?:\r\n|\r|\n)/.exec(text)?.[0]
  if (open === undefined) return { data: {}, body: text, faults: [] }
  const rest = text.slice(open.length)
  const close = /(?:^|\r\n|\r|\n)---[ \t]*(?:\r\n|\r|\n|$)/.exec(rest)
  if (close === null) return { data: {}, body: text, faults: [] }
  const faults: string[] = []
  const data = readYaml(rest.slice(0, close.index), countLines(open), faults)
  return { data: faults.length > 0 ? {} : data, body: rest.slice(close.index + close[0].length), faults }
}

const countLines = (text: string) => text.match(/\r\n|\r|\n/g)?.length ?? 0

function readYaml(block: string, linesBefore: number, faults: string[]): CardData {
  const at = (offset: number) => `at line ${linesBefore + countLines(block.slice(0, offset)) + 1}`
  if (block.length > BLOCK_LIMIT) {
    faults.push(`yaml metadata is over the limit of ${BLOCK_LIMIT} characters (found ${block.length})`)
    return {}
  }
  const indicators = block.match(/[[\]{},"'&*!]|[-?:]\s/g)?.length ?? 0
  if (indicators > INDICATOR_LIMIT) {
    faults.push(`yaml metadata holds more than ${INDICATOR_LIMIT} indicators such as "[", "," or "- "`)
    return {}
  }
  // A lone CR is no line end to the YAML library.
  const source = block.replace(/\r(?!\n)/g, '\n')
  const tokens: CST.Token[] = []
  let broken = 0
  for (const token of new Parser().parse(source)) {
    tokens.push(token)
    if (token.type === 'error' && ++broken === FAULT_LIMIT) break
  }
  const excess = findExcess(tokens)
  if (excess !== undefined) {
    faults.push(`yaml metadata ${excess.message} ${at(excess.offset)}`)
    return {}
  }
  // The library compares each key of a map with all others; `Reader` does it with a set.
  const composer = new Composer({
    version: '1.2',
    schema: 'core',
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'silent',
  })
  const documents = [...composer.compose(tokens, true, source.length)]
  const errors = documents.flatMap(document => document.errors.slice(0, FAULT_LIMIT)).slice(0, FAULT_LIMIT)
  for (const { message, pos } of errors) faults.push(`yaml metadata: ${message} ${at(pos[0])}`)
  if (faults.length > 0) return {}
  if (documents.length > 1) faults.push('yaml metadata must be one YAML document')
  const root = documents[0]?.contents ?? null
  if (root === null || (isScalar(root) && root.value === null)) return {}
  if (!isMap(root)) {
    faults.push('yaml metadata must be a mapping of keys to values')
    return {}
  }
  const reader = new Reader(faults, at)
  return reader.map(root, 1)
}

/** What is too deep or too much, before anything is built of it. Walks without recursion, which the text could exhaust. */
function findExcess(roots: readonly CST.Token[]): { message: string; offset: number } | undefined {
  const waiting = roots.map(token => ({ token, depth: 0 }))
  let values = 0
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { token, depth } = next
    if (depth > DEPTH_LIMIT) {
      return { message: `is nested more than ${DEPTH_LIMIT} levels deep`, offset: token.offset }
    }
    if (token.type === 'document' && token.value) waiting.push({ token: token.value, depth })
    if (!('items' in token)) continue
    values += token.items.length
    if (values > VALUE_LIMIT) {
      return { message: `holds more than ${VALUE_LIMIT} values`, offset: token.offset }
    }
    for (const { key, value } of token.items) {
      if (key) waiting.push({ token: key, depth: depth + 1 })
      if (value) waiting.push({ token: value, depth: depth + 1 })
    }
  }
  return undefined
}

/** Turns nodes into JSON and counts what it makes, so that aliases of aliases cannot multiply. */
class Reader {
  readonly #anchors = new Map<string, Node>()
  readonly #faults: string[]
  readonly #at: (offset: number) => string
  #values = 0

  constructor(faults: string[], at: (offset: number) => string) {
    this.#faults = faults
    this.#at = at
  }

  #fault(node: Node, message: string): null {
    if (this.#faults.length < FAULT_LIMIT) {
      this.#faults.push(`yaml metadata: ${message} ${this.#at(node.range?.[0] ?? 0)}`)
    }
    return null
  }

  #value(node: Node | null, depth: number): CardValue {
    if (node === null || this.#values > VALUE_LIMIT) return null
    if (++this.#values > VALUE_LIMIT) {
      return this.#fault(node, `more than ${VALUE_LIMIT} values, aliases counted in full`)
    }
    if (depth > DEPTH_LIMIT) return this.#fault(node, `aliases nested more than ${DEPTH_LIMIT} levels deep`)
    if (isAlias(node)) {
      const target = this.#anchors.get(node.source)
      return target === undefined
        ? this.#fault(node, `unknown alias *${node.source}`)
        : this.#value(target, depth + 1)
    }
    if ('anchor' in node && typeof node.anchor === 'string') this.#anchors.set(node.anchor, node as Node)
    if (isMap(node)) return this.map(node, depth)
    if (isSeq(node)) return node.items.map(item => this.#value(item as Node | null, depth + 1))
    if (!isScalar(node)) return null
    const { value } = node
    if (typeof value === 'string' || typeof value === 'boolean' || value === null) return value
    // JSON has no NaN, infinity or whole numbers beyond 2^53: their text is kept.
    const exact =
      typeof value === 'number' &&
      Number.isFinite(value) &&
      (!Number.isInteger(value) || Number.isSafeInteger(value))
    return exact ? value : (node.source ?? String(value))
  }

  map(map: YAMLMap, depth: number): CardData {
    const entries = new Map<string, CardValue>()
    for (const { key, value } of map.items as { key: Node | null; value: Node | null }[]) {
      if (!isScalar(key)) {
        this.#fault(key ?? map, 'a key must be text')
        continue
      }
      const name = typeof key.value === 'string' ? key.value : (key.source ?? '')
      if (entries.has(name)) this.#fault(key, `duplicated key ${JSON.stringify(name)}`)
      entries.set(name, this.#value(value, depth + 1))
    }
    return Object.fromEntries(entries)
  }
}
