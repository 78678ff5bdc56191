import type { Sketch, TensorSketch } from '../sketches/index.ts'
import { sharedPlaces } from './align.ts'
import { median } from './compare.ts'

/** An adapter's two halves at one matrix: the base's matrix gains B·A. */
interface Module {
  readonly role: string
  readonly layer: number
  readonly a: TensorSketch
  readonly b: TensorSketch
}

export function isAdapter({ tensors }: Sketch): boolean {
  return tensors.some(({ role }) => role.endsWith('.lora_A'))
}

function modulesOf({ tensors }: Sketch): Module[] {
  const byPlace = new Map(tensors.map(tensor => [`${tensor.layer}/${tensor.role}`, tensor]))
  return tensors.flatMap(a => {
    if (!a.role.endsWith('.lora_A')) return []
    const joined = a.role.slice(0, -'.lora_A'.length)
    return [joined, ...partsOf(joined)].flatMap((role, index) => {
      const b = index === 1 && role === joined ? undefined : byPlace.get(`${a.layer}/${role}.lora_B`)
      return b ? [{ role, layer: a.layer, a, b }] : []
    })
  })
}

export interface AdapterFit {
  /** Every module has a matrix of its shape in the base, and layers are as many. */
  readonly fits: boolean
  /**
   * How like the rows of B are to those of the base's matrices: mean correlation of cosines between sampled rows. B begins at zero, so all that is in it are
   * gradients, and those lie where the base's own training went; 0 for a base of other weights.
   */
  readonly likeness: number
  /** The same between the columns of A and of the matrices: weaker, for A begins at random. */
  readonly inputLikeness: number
}

export function fitAdapter(adapter: Sketch, base: Sketch): AdapterFit {
  const matrices = new Map(base.tensors.map(tensor => [`${tensor.layer}/${tensor.role}`, tensor]))
  const modules = modulesOf(adapter)
  const outputs: number[] = []
  const inputs: number[] = []
  let fits = modules.length > 0 && lastLayer(adapter) === lastLayer(base)
  for (const { role, layer, a, b } of modules) {
    const parts = partsOf(role).flatMap(part => matrices.get(`${layer}/${part}`) ?? [])
    const rows = parts.reduce((sum, part) => sum + part.rows, 0)
    if (rows !== b.rows || parts[0]?.columns !== a.columns) {
      fits = false
      continue
    }
    const first = parts[0]
    outputs.push(alike(b, first, 'rows'))
    inputs.push(alike(a, first, 'columns'))
  }
  return { fits, likeness: mean(outputs), inputLikeness: mean(inputs) }
}

/** Projections that a base's sketch has apart (`canonical-model.ts:separated`). */
function partsOf(role: string): string[] {
  return role === 'qkv' ? ['q', 'k', 'v'] : role === 'gate_up' ? ['gate', 'up'] : [role]
}

function lastLayer({ tensors }: Sketch): number {
  return Math.max(-1, ...tensors.map(({ layer }) => layer))
}

function mean(values: readonly number[]): number {
  return values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : 0
}

const fewestPlaces = 12

/** Correlation of the cosines between rows (or columns) of two matrices, over those that both were sampled at. */
function alike(half: TensorSketch, matrix: TensorSketch, side: 'rows' | 'columns'): number {
  const places =
    side === 'rows'
      ? sharedPlaces(half.rows, half.height, matrix.rows, matrix.height)
      : sharedPlaces(half.columns, half.width, matrix.columns, matrix.width)
  if (places.a.length < fewestPlaces) return 0
  const x = cosines(half, places.a, side)
  const y = cosines(matrix, places.b, side)
  let [sumX, sumY, sumXX, sumYY, sumXY] = [0, 0, 0, 0, 0]
  for (let at = 0; at < x.length; at++) {
    const [p, q] = [x[at] as number, y[at] as number]
    sumX += p
    sumY += q
    sumXX += p * p
    sumYY += q * q
    sumXY += p * q
  }
  const n = x.length
  const spread = (sumXX - (sumX * sumX) / n) * (sumYY - (sumY * sumY) / n)
  return spread > 0 ? (sumXY - (sumX * sumY) / n) / Math.sqrt(spread) : 0
}

function cosines(tensor: TensorSketch, places: readonly number[], side: 'rows' | 'columns'): Float64Array {
  const { values, width, height } = tensor
  const length = side === 'rows' ? width : height
  const [along, across] = side === 'rows' ? [width, 1] : [1, width]
  const n = places.length
  const units = new Float64Array(n * length)
  for (const [row, place] of places.entries()) {
    let squares = 0
    for (let at = 0; at < length; at++) squares += (values[place * along + at * across] as number) ** 2
    const scale = 1 / (Math.sqrt(squares) || 1)
    for (let at = 0; at < length; at++)
      units[row * length + at] = (values[place * along + at * across] as number) * scale
  }
  const found = new Float64Array((n * (n - 1)) / 2)
  let next = 0
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) {
      let dot = 0
      for (let at = 0; at < length; at++)
        dot += (units[i * length + at] as number) * (units[j * length + at] as number)
      found[next++] = dot
    }
  }
  return found
}

/** Correlation of B·A with the difference of a model and its parent: near 1 when the adapter was merged into that parent. */
export function mergedLikeness(adapter: Sketch, merged: Sketch, parent: Sketch): number {
  const [ofMerged, ofParent] = [merged, parent].map(
    ({ tensors }) => new Map(tensors.map(tensor => [`${tensor.layer}/${tensor.role}`, tensor])),
  ) as [Map<string, TensorSketch>, Map<string, TensorSketch>]
  const found: number[] = []
  for (const { role, layer, a, b } of modulesOf(adapter)) {
    const place = `${layer}/${partsOf(role)[0]}`
    const [x, y] = [ofMerged.get(place), ofParent.get(place)]
    if (!x || !y || x.rows !== y.rows || x.columns !== a.columns || y.columns !== a.columns) continue
    if (a.height !== a.rows || b.width !== a.rows) continue
    found.push(productLikeness(a, b, x, y))
    if (found.length === mostModules) break
  }
  return median(found)
}

const mostModules = 8

function productLikeness(
  a: TensorSketch,
  b: TensorSketch,
  merged: TensorSketch,
  parent: TensorSketch,
): number {
  const rows = sharedPlaces(b.rows, b.height, merged.rows, Math.min(merged.height, parent.height))
  const columns = sharedPlaces(a.columns, a.width, merged.columns, Math.min(merged.width, parent.width))
  let [xx, yy, xy] = [0, 0, 0]
  for (const [at, row] of rows.a.entries()) {
    const other = rows.b[at] as number
    for (const [next, column] of columns.a.entries()) {
      const across = columns.b[next] as number
      let product = 0
      for (let k = 0; k < a.height; k++)
        product += (b.values[row * b.width + k] as number) * (a.values[k * a.width + column] as number)
      const change =
        (merged.values[other * merged.width + across] as number) -
        (parent.values[other * parent.width + across] as number)
      xx += product * product
      yy += change * change
      xy += product * change
    }
  }
  return xx > 0 && yy > 0 ? xy / Math.sqrt(xx * yy) : 0
}
