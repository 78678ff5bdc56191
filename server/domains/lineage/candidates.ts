import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Gram } from '../sketches/index.ts'
import {
  type CandidateCode,
  codeWords,
  layerParts,
  leastTokens,
  type Part,
  type PartName,
  pairMask,
  pairSigns,
  parts,
} from './candidate-code.ts'
import { countDiffering, mostRows } from './differing-bits.ts'

/** A model as the index knows it. */
export interface Indexed {
  readonly id: string
  /** Models of one content: all but the first of them are left out of what is found. */
  readonly content: string
  readonly order: number
  readonly code: CandidateCode
}

export interface Query {
  readonly code: CandidateCode
  /** All of it: which of its tokens others have looked at differs. */
  readonly gram: Gram | undefined
  /** Only what comes before this; ties by id. */
  readonly before?: { readonly order: number; readonly id: string }
}

/** How many are compared exactly. */
const candidateLimit = 200
/** Strangers among them, about. */
const strangers = 32
/** Rows that are looked at before other work has its turn: some milliseconds. */
const slice = mostRows

const part = (name: PartName): Part => parts.find(known => known.name === name) as Part
const layers = layerParts.map(part)
const [embed, outside, gramPart] = [part('embed'), part('outside'), part('gram')]
/** A layer that one of them has lost or doubled at an end. */
const shifted: readonly (readonly [Part, Part])[] = [
  [layers[0]!, layers[1]!],
  [layers[1]!, layers[0]!],
  [layers[2]!, layers[3]!],
  [layers[3]!, layers[2]!],
]

/** Of each row of a slice how many bits differ, part by part, and when a layer is compared with its neighbour. */
const counts = () => new Uint32Array(slice)
const differing = { straight: parts.map(counts), shifted: shifted.map(counts) }

/** The tokens that a model's cosines are between; most models share them with all others of their tokenizer. */
interface TokenList {
  readonly basis: Gram['basis']
  readonly tokens: Uint32Array
}

/**
 * Finds models that may be relatives of one among very many: every code is compared, by counting bits that differ, which
 * takes some 100 ms for a million of them; other work has its turn meanwhile. Some 600 bytes of memory a model.
 */
export class CandidateIndex {
  readonly #rows = new Map<string, number>()
  readonly #ids: string[] = []
  readonly #free: number[] = []
  readonly #lists: TokenList[] = []
  readonly #listNumbers = new Map<string, number>()
  #capacity = 0
  /** Of each part the words of all rows, so that one part is read without the others. */
  #words = parts.map(() => new Uint32Array())
  #present = new Uint32Array()
  #hidden = new Uint32Array()
  #list = new Uint32Array()
  #order = new Float64Array()
  #content = new Float64Array()

  get size(): number {
    return this.#rows.size
  }

  set({ id, content, order, code }: Indexed): void {
    const row = this.#rows.get(id) ?? this.#free.pop() ?? this.#ids.length
    if (row >= this.#capacity) this.#grow()
    this.#rows.set(id, row)
    this.#ids[row] = id
    for (const [index, { at, words }] of parts.entries())
      this.#words[index]!.set(code.words.subarray(at, at + words), row * words)
    this.#present[row] = code.present
    this.#hidden[row] = code.hidden
    this.#list[row] = this.#numberOf(code)
    this.#order[row] = order
    // 48 bits of a hash: two of a million are the same by chance in 1 of 500 hubs, and then one candidate is missed.
    this.#content[row] = Number.parseInt(content.slice(0, 12), 16)
  }

  delete(id: string): void {
    const row = this.#rows.get(id)
    if (row === undefined) return
    this.#rows.delete(id)
    this.#present[row] = 0
    this.#ids[row] = ''
    this.#free.push(row)
  }

  /** Ids of at most 200 models that may be relatives, the most alike first. */
  async find({ code, gram, before }: Query): Promise<string[]> {
    const query = new CompiledQuery(code, gram, this.#lists)
    const least = leastScore(this.#rows.size)
    let found: { row: number; score: number }[] = []
    for (let start = 0; start < this.#ids.length; start += slice) {
      if (start > 0) await nextTurn()
      const end = Math.min(start + slice, this.#ids.length)
      if (!code.isAdapter) this.#compare(code, start, end)
      for (let row = start; row < end; row++) {
        if (this.#ids[row] === '') continue
        const score = code.isAdapter ? this.#fits(code, row) : this.#score(query, row, row - start)
        if (score >= least && !(before && this.#isLater(row, before))) found.push({ row, score })
      }
      if (found.length > candidateLimit * 8) found = this.#best(found)
    }
    return this.#best(found).map(({ row }) => this.#ids[row] as string)
  }

  /**
   * An adapter has no values in common with its base: all models of its width may be it, those that came first before
   * others, as bases do.
   */
  #fits({ hidden }: CandidateCode, row: number): number {
    return hidden > 0 && this.#hidden[row] === hidden ? 1e9 - (this.#order[row] as number) / 1e6 : -1
  }

  #isLater(row: number, { order, id }: NonNullable<Query['before']>): boolean {
    const own = this.#order[row] as number
    return own > order || (own === order && (this.#ids[row] as string) >= id)
  }

  #best(found: readonly { row: number; score: number }[]) {
    const firsts = new Map<number, { row: number; score: number }>()
    for (const hit of found) {
      const content = this.#content[hit.row] as number
      const other = firsts.get(content)
      if (!other || this.#isLater(other.row, this.#placeOf(hit.row))) firsts.set(content, hit)
    }
    return [...firsts.values()]
      .sort((a, b) => b.score - a.score || (this.#ids[a.row]! < this.#ids[b.row]! ? -1 : 1))
      .slice(0, candidateLimit)
  }

  #placeOf(row: number) {
    return { order: this.#order[row] as number, id: this.#ids[row] as string }
  }

  #compare({ words }: CandidateCode, start: number, end: number): void {
    const wordsOf = ({ at, words: count }: Part) => words.subarray(at, at + count)
    for (const other of [...layers, embed, outside]) {
      const queries = [{ words: wordsOf(other), into: differing.straight[other.index]! }]
      for (const [way, [own, its]] of shifted.entries())
        if (its === other) queries.push({ words: wordsOf(own), into: differing.shifted[way]! })
      const column = this.#words[other.index] as Uint32Array
      countDiffering(column.subarray(start * other.words, end * other.words), queries)
    }
  }

  /** In standard deviations: how many more bits agree than half of them. The best of all ways to compare. */
  #score({ code, lists }: CompiledQuery, row: number, inSlice: number): number {
    const its = this.#present[row] as number
    const both = code.present & its
    let best = 0
    if (code.hidden === this.#hidden[row]) {
      let bits = 0
      let differ = 0
      for (let layer = 0; layer < layers.length; layer++) {
        const { flag, words, index } = layers[layer] as Part
        if (!(both & flag)) continue
        bits += words * 32
        differ += differing.straight[index]![inSlice]!
      }
      if (bits > 0) best = deviations(bits, differ)
      let fewest = Number.POSITIVE_INFINITY
      for (let way = 0; way < shifted.length; way++) {
        const [own, other] = shifted[way] as readonly [Part, Part]
        if (code.present & own.flag && its & other.flag)
          fewest = Math.min(fewest, differing.shifted[way]![inSlice]!)
      }
      best = Math.max(best, deviations(layers[0]!.words * 32, fewest))
      if (both & embed.flag)
        best = Math.max(best, deviations(embed.words * 32, differing.straight[embed.index]![inSlice]!))
      if (both & outside.flag)
        best = Math.max(best, deviations(outside.words * 32, differing.straight[outside.index]![inSlice]!))
    }
    if (!(both & gramPart.flag)) return best
    const list = lists.of(this.#list[row] as number)
    if (!list) return best
    const words = this.#words[gramPart.index] as Uint32Array
    let differ = 0
    for (let word = 0, at = row * gramPart.words; word < gramPart.words; word++, at++)
      differ += popcount((words[at]! ^ list.signs[word]!) & list.mask[word]!)
    return Math.max(best, deviations(list.bits, differ))
  }

  #numberOf({ basis, tokens }: CandidateCode): number {
    const key = `${basis} ${tokens.join()}`
    const known = this.#listNumbers.get(key)
    if (known !== undefined) return known
    this.#listNumbers.set(key, this.#lists.length)
    this.#lists.push({ basis, tokens })
    return this.#lists.length - 1
  }

  #grow(): void {
    this.#capacity = Math.max(1024, Math.ceil(this.#capacity * 1.5))
    const grown = <Column extends Uint32Array | Float64Array>(column: Column, length: number): Column => {
      const larger = new (column.constructor as new (length: number) => Column)(length)
      larger.set(column)
      return larger
    }
    this.#words = this.#words.map((column, index) => grown(column, this.#capacity * parts[index]!.words))
    this.#present = grown(this.#present, this.#capacity)
    this.#hidden = grown(this.#hidden, this.#capacity)
    this.#list = grown(this.#list, this.#capacity)
    this.#order = grown(this.#order, this.#capacity)
    this.#content = grown(this.#content, this.#capacity)
  }
}

interface ListQuery {
  readonly signs: Uint32Array
  readonly mask: Uint32Array
  readonly bits: number
}

/** The query's cosines in the order of each list of tokens, made when it is first met. */
class CompiledQuery {
  readonly code: CandidateCode
  readonly lists: { of(number: number): ListQuery | undefined }

  constructor(code: CandidateCode, gram: Gram | undefined, lists: readonly TokenList[]) {
    if (code.words.length !== codeWords) throw new RangeError(`a code of ${code.words.length} words`)
    this.code = code
    const places = new Map(gram && Array.from(gram.tokens, (token, place) => [token, place] as const))
    const made: (ListQuery | undefined)[] = []
    const isMade: boolean[] = []
    this.lists = {
      of(number) {
        if (!isMade[number]) {
          isMade[number] = true
          made[number] = gram && compile(gram, places, lists[number] as TokenList)
        }
        return made[number]
      },
    }
  }
}

function compile(
  gram: Gram,
  places: ReadonlyMap<number, number>,
  { basis, tokens }: TokenList,
): ListQuery | undefined {
  if (basis !== gram.basis) return undefined
  const shared = Array.from(tokens, token => places.get(token) ?? -1)
  const count = shared.filter(place => place >= 0).length
  if (count < leastTokens) return undefined
  return { signs: pairSigns(gram, shared), mask: pairMask(shared), bits: (count * (count - 1)) / 2 }
}

function deviations(bits: number, differ: number): number {
  return (bits - 2 * differ) / Math.sqrt(bits)
}

/** So many standard deviations that of `size` strangers, each compared in several ways, about `strangers` reach it. */
function leastScore(size: number): number {
  const share = strangers / Math.max(size, 1) / 7
  return share >= 0.1 ? 1 : Math.sqrt(-2 * Math.log(share)) * 0.85
}

function popcount(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555)
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333)
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}
