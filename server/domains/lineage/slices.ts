import type { Sketch, TensorSketch } from '../sketches/index.ts'
import { sharedValues } from './align.ts'
import { compareTensors } from './compare-tensors.ts'
import { roundTo } from './rounding.ts'

/** A model that was put together of whole layers: which candidates' layers (and outer tensors) it takes, value by value. */
export interface Slices<Candidate> {
  /** As few candidates as explain all parts; those given first are preferred. */
  readonly sources: readonly Candidate[]
  /** Two of the child's layers are one of a source's. */
  readonly repeats: boolean
}

interface Source<Candidate> {
  readonly candidate: Candidate
  readonly sketch: Sketch
}

/** Undefined when a layer is nobody's. */
export function findSlices<Candidate>(
  child: Sketch,
  sources: readonly Source<Candidate>[],
): Slices<Candidate> | undefined {
  const parts = partsOf(child)
  const layers = [...parts.keys()].filter(part => part >= 0)
  if (layers.length < 2) return undefined
  const explained = sources.map(({ sketch }) => explain(parts, partsOf(sketch)))
  const open = new Set<string>(
    [...parts].flatMap(([part, tensors]) => (part >= 0 ? [`${part}`] : outerOf(tensors))),
  )
  // What no candidate has, such as a map that was made anew, is no part of the question; a layer is.
  for (const part of open)
    if (!explained.some(found => found.has(part)) && !/^\d/.test(part)) open.delete(part)
  const chosen: number[] = []
  while (open.size > 0) {
    const gains = explained.map(found => [...open].filter(part => found.has(part)).length)
    const best = gains.indexOf(Math.max(...gains))
    if ((gains[best] ?? 0) === 0) return undefined
    chosen.push(best)
    for (const part of explained[best]?.keys() ?? []) open.delete(part)
  }
  const used = layers.map(layer => {
    const source = chosen.find(place => explained[place]?.has(`${layer}`)) as number
    return `${source}/${explained[source]?.get(`${layer}`)}`
  })
  return {
    sources: chosen.map(source => (sources[source] as Source<Candidate>).candidate),
    repeats: new Set(used).size < used.length,
  }
}

type Parts = ReadonlyMap<number, ReadonlyMap<string, TensorSketch>>

function partsOf({ tensors }: Sketch): Parts {
  const parts = new Map<number, Map<string, TensorSketch>>()
  for (const tensor of tensors) {
    const part = parts.get(tensor.layer) ?? new Map()
    parts.set(tensor.layer, part.set(tensor.role, tensor))
  }
  return parts
}

function outerOf(tensors: ReadonlyMap<string, TensorSketch>): string[] {
  return [...tensors.keys()].filter(role => role === 'embed' || role === 'head' || role === 'final_norm')
}

/** Part of the child → the layer of the source that it is. */
function explain(child: Parts, source: Parts): Map<string, number> {
  const found = new Map<string, number>()
  for (const [part, tensors] of child) {
    if (part < 0) {
      for (const role of outerOf(tensors)) {
        const [mine, theirs] = [tensors.get(role), source.get(-1)?.get(role)]
        if (mine && theirs && isSame(mine, theirs)) found.set(role, -1)
      }
      continue
    }
    // The same number first: most layers stay where they were.
    const numbers = [part, ...source.keys()].filter(layer => layer >= 0)
    const layer = numbers.find(number => isSameLayer(tensors, source.get(number)))
    if (layer !== undefined) found.set(`${part}`, layer)
  }
  return found
}

function isSameLayer(
  mine: ReadonlyMap<string, TensorSketch>,
  theirs: ReadonlyMap<string, TensorSketch> | undefined,
): boolean {
  let matrices = 0
  for (const [role, tensor] of mine) {
    if (tensor.columns === 1) continue
    const other = theirs?.get(role)
    if (!other || !isSame(tensor, other)) return false
    matrices++
  }
  return matrices > 0
}

function isSame(child: TensorSketch, source: TensorSketch): boolean {
  if (child.rows !== source.rows || child.columns !== source.columns) return false
  const shared = sharedValues(child, source)
  // Most that differ do so at once.
  const step = Math.max(1, Math.floor(shared.a.length / 16))
  for (let at = 0; at < shared.a.length; at += step)
    if (!isRounded(child.dtype, shared.a[at] as number, shared.b[at] as number)) return false
  const { equal, count } = compareTensors(child, source)
  if (equal === count) return true
  let same = 0
  for (let at = 0; at < shared.a.length; at++)
    if (isRounded(child.dtype, shared.a[at] as number, shared.b[at] as number)) same++
  return same >= count * 0.999
}

function isRounded(dtype: string, child: number, source: number): boolean {
  return child === source || roundTo(dtype, source) === child
}
