import { createHash } from 'node:crypto'
import { MalformedInput } from '../../kernel/errors.ts'
import type { Gram, Sketch, TensorSketch } from '../sketches/index.ts'
import { isNameless } from './compare.ts'
import { slotsByShape } from './shape-slots.ts'

/**
 * What the candidate index remembers of a model, some 500 bytes: signs of a coarse grid of a few layers, of the embeddings,
 * of matrices outside of layers, and which cosines between tokens are above their median. Two relatives agree in more of
 * these bits than strangers do, who agree in half of them.
 */
export interface CandidateCode {
  /** Width of the model, in values; 0 when it is not known. Grids of different widths are not compared. */
  readonly hidden: number
  /** Which parts say something: bit n for part n of `parts`. */
  readonly present: number
  /** The bits of all parts, one after the other. */
  readonly words: Uint32Array
  /** Which tokens the cosines are between; empty without embeddings. */
  readonly tokens: Uint32Array
  readonly basis: Gram['basis']
  /** It changes matrices of a model of that width, and has nothing that could be compared with them. */
  readonly isAdapter: boolean
}

/** Layers are taken from both ends, since those between them are what is dropped or doubled. */
export const layerParts = ['first', 'second', 'beforeLast', 'last'] as const
const partNames = [...layerParts, 'embed', 'outside', 'gram'] as const
export type PartName = (typeof partNames)[number]

const layerWords = 14
const embedWords = 8
/** Tokens of which a code is made, and bits for each pair of them. */
const codeTokens = 32
const pairWords = Math.ceil((codeTokens * (codeTokens - 1)) / 64)

export interface Part {
  readonly name: PartName
  readonly index: number
  readonly at: number
  readonly words: number
  readonly flag: number
}

export const parts: readonly Part[] = layOut()
export const codeWords = parts.reduce((sum, { words }) => sum + words, 0)

function layOut(): Part[] {
  let at = 0
  return partNames.map((name, index) => {
    const words = name === 'embed' ? embedWords : name === 'gram' ? pairWords : layerWords
    at += words
    return { name, index, at: at - words, words, flag: 1 << index }
  })
}

export function codeOf(sketch: Sketch): CandidateCode {
  const { tensors, gram } = sketch
  const words = noise(sketch)
  const embed = tensors.find(({ role }) => role === 'embed')
  const layers = layersOf(tensors)
  const adapting = tensors.find(({ role }) => /^(?:q|k|v|qkv|gate|up|gate_up)\.lora_A$/.test(role))
  const entry = embed ?? tensors.find(({ role }) => role === 'q' || role === 'qkv') ?? adapting
  const isAdapter = tensors.some(({ role }) => role.endsWith('.lora_A'))
  const places = new Map<PartName, readonly (TensorSketch | undefined)[]>()
  for (const [index, name] of layerParts.entries()) {
    const roles = layers.at(index < 2 ? index : index - layerParts.length)
    if (roles && layers.length >= 2)
      places.set(
        name,
        gridRoles.map(role => roles.get(role)),
      )
  }
  places.set('outside', isNameless(sketch) ? slotsByShape(tensors, gridRoles.length) : outsideOf(tensors))
  let present = 0
  for (const { name, at, flag } of parts) {
    if (name === 'embed' && embed && writeSigns(words, at, embed, 16)) present |= flag
    if (name === 'gram' && gram && gram.tokens.length >= leastTokens) {
      words.set(pairSigns(gram, firstPlaces(gram)), at)
      present |= flag
    }
    for (const [index, tensor] of (places.get(name) ?? []).entries())
      if (tensor && writeSigns(words, at + index * 2, tensor, 8)) present |= flag
  }
  return {
    ...{ hidden: entry?.columns ?? 0, present, words, isAdapter },
    tokens: gram ? gram.tokens.slice(0, codeTokens) : new Uint32Array(),
    basis: gram?.basis ?? 'ids',
  }
}

/** Fewer tokens than this in common say nothing. */
export const leastTokens = 12

/** Seven matrices of a layer; those of a joined projection stand for all three. */
const gridRoles = ['q', 'k', 'v', 'o', 'gate', 'up', 'down']

function layersOf(tensors: readonly TensorSketch[]): ReadonlyMap<string, TensorSketch>[] {
  const layers: Map<string, TensorSketch>[] = []
  for (const tensor of tensors) {
    if (tensor.layer < 0 || tensor.columns === 1) continue
    layers[tensor.layer] ??= new Map()
    const role = tensor.role === 'qkv' ? 'q' : tensor.role
    layers[tensor.layer]!.set(role, tensor)
  }
  return layers.filter(layer => layer !== undefined)
}

/** Of what is in no layer: the matrices whose names come first by hash, so that the same are taken of relatives. */
function outsideOf(tensors: readonly TensorSketch[]): readonly TensorSketch[] {
  return tensors
    .filter(({ role, layer, columns }) => layer < 0 && columns > 1 && role !== 'embed' && role !== 'head')
    .map(tensor => ({ tensor, order: createHash('sha256').update(tensor.role).digest('hex') }))
    .sort((a, b) => (a.order < b.order ? -1 : 1))
    .slice(0, gridRoles.length)
    .map(({ tensor }) => tensor)
}

/** Signs about their mean, of the places that every sample of that axis begins with. False when it tells nothing. */
function writeSigns(words: Uint32Array, at: number, tensor: TensorSketch, side: number): boolean {
  const { values, height, width } = tensor
  if (height < side || width < side) return false
  let mean = 0
  for (let row = 0; row < side; row++)
    for (let column = 0; column < side; column++) mean += values[row * width + column] as number
  mean /= side * side
  let different = false
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const value = values[row * width + column] as number
      if (value !== values[0]) different = true
      setBit(words, at, row * side + column, value > mean)
    }
  }
  return different
}

function setBit(words: Uint32Array, at: number, bit: number, isSet: boolean): void {
  const word = at + (bit >>> 5)
  const mask = 1 << (bit & 31)
  words[word] = isSet ? (words[word] as number) | mask : (words[word] as number) & ~mask
}

/** What a model does not have is filled with bits of its own, so that it agrees in half of them with any other. */
function noise({ tensors, parameters }: Sketch): Uint32Array {
  const [first] = tensors
  const hash = createHash('shake256', { outputLength: codeWords * 4 }).update(String(parameters))
  if (first)
    hash.update(new Uint8Array(first.values.buffer, first.values.byteOffset, first.values.byteLength))
  return new Uint32Array(new Uint8Array(hash.digest()).buffer)
}

function firstPlaces({ tokens }: Gram): number[] {
  return Array.from({ length: Math.min(codeTokens, tokens.length) }, (_, place) => place)
}

/**
 * Bit `a * (a - 1) / 2 + b` for each pair b < a of tokens at `places`: whether their cosine is above the median of all of
 * them. A place of -1 leaves its pairs 0; `pairMask` says which those are.
 */
export function pairSigns(gram: Gram, places: readonly number[]): Uint32Array {
  const size = gram.tokens.length
  const cosines: number[] = []
  const pairs: number[] = []
  for (const [a, x] of places.entries()) {
    for (const [b, y] of places.slice(0, a).entries()) {
      if (x < 0 || y < 0) continue
      const norm = Math.sqrt(
        (gram.products[x * size + x] as number) * (gram.products[y * size + y] as number),
      )
      pairs.push((a * (a - 1)) / 2 + b)
      cosines.push(norm > 0 ? (gram.products[x * size + y] as number) / norm : 0)
    }
  }
  const middle = Float64Array.from(cosines).sort()[cosines.length >> 1] as number
  const words = new Uint32Array(pairWords)
  for (const [index, pair] of pairs.entries()) setBit(words, 0, pair, (cosines[index] as number) > middle)
  return words
}

export function pairMask(places: readonly number[]): Uint32Array {
  const words = new Uint32Array(pairWords)
  for (const [a, x] of places.entries())
    for (const [b, y] of places.slice(0, a).entries())
      if (x >= 0 && y >= 0) setBit(words, 0, (a * (a - 1)) / 2 + b, true)
  return words
}

const version = 2
const prefixWords = 4

/** As rows keep it: version, hidden, parts and basis, number of tokens; the words; the tokens. Little-endian. */
export function encodeCode({ hidden, present, words, tokens, basis, isAdapter }: CandidateCode): Uint8Array {
  const all = new Uint32Array(prefixWords + words.length + tokens.length)
  const flags = present | (basis === 'strings' ? basisFlag : 0) | (isAdapter ? adapterFlag : 0)
  all.set([version, hidden, flags, tokens.length])
  all.set(words, prefixWords)
  all.set(tokens, prefixWords + words.length)
  return new Uint8Array(all.buffer)
}

const basisFlag = 1 << 16
const adapterFlag = 1 << 17

/** False for one that another version of this hub has made: `banyan lineage rebuild` makes them anew. */
export function isCurrent(bytes: Uint8Array): boolean {
  return bytes[0] === version
}

/** Throws MalformedInput. */
export function decodeCode(bytes: Uint8Array): CandidateCode {
  const all = new Uint32Array(Uint8Array.from(bytes).buffer)
  const [found, hidden = 0, flags = 0, count = 0] = all
  if (found !== version || all.length !== prefixWords + codeWords + count)
    throw new MalformedInput('candidate code', 'is of another version: run "banyan lineage rebuild"')
  return {
    ...{ hidden, present: flags & 0xffff, basis: flags & basisFlag ? 'strings' : 'ids' },
    isAdapter: (flags & adapterFlag) !== 0,
    words: all.slice(prefixWords, prefixWords + codeWords),
    tokens: all.slice(prefixWords + codeWords),
  }
}
