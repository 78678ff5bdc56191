import { mix32, type Sketch, type TensorSketch } from '../sketches/index.ts'
import { sharedPlaces } from './align.ts'
import { median } from './compare.ts'

/** An adapter's two halves at one matrix: the base's matrix gains B·A. */
interface Module {
  readonly role: string
  readonly layer: number
  readonly a: TensorSketch
  readonly b: TensorSketch
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
   * How many standard deviations the adapter is more like the base than chance makes it. B begins at zero, so all that is in it are gradients, and A gathers some;
   * both lie where the base's own training went: cosines between sampled rows of B correlate with those between the rows of the base's matrices, those between columns of A with
   * the columns'. Chance is measured by the same correlation after the base's rows are shuffled.
   */
  readonly likeness: number
}

export function fitAdapter(adapter: Sketch, base: Sketch): AdapterFit {
  const matrices = new Map(base.tensors.map(tensor => [`${tensor.layer}/${tensor.role}`, tensor]))
  const modules = modulesOf(adapter)
  let fits = modules.length > 0 && lastLayer(adapter) === lastLayer(base)
  const found = { rows: { sum: 0, variance: 0 }, columns: { sum: 0, variance: 0 } }
  for (const { role, layer, a, b } of modules) {
    const parts = partsOf(role).flatMap(part => matrices.get(`${layer}/${part}`) ?? [])
    const rows = parts.reduce((sum, part) => sum + part.rows, 0)
    const first = parts[0]
    if (!first || rows !== b.rows || first.columns !== a.columns) {
      fits = false
      break
    }
    for (const [half, side] of [
      [b, 'rows'],
      [a, 'columns'],
    ] as const) {
      const likeness = alike(half, first, side)
      found[side].sum += likeness.value
      found[side].variance += likeness.variance
    }
  }
  const deviations = ({ sum, variance }: { sum: number; variance: number }) =>
    variance > 0 ? sum / Math.sqrt(variance) : 0
  return { fits, likeness: fits ? (deviations(found.rows) + deviations(found.columns)) / Math.SQRT2 : 0 }
}

/** Projections that a base's sketch has apart (`canonical-model.ts:separated`). */
function partsOf(role: string): string[] {
  return role === 'qkv' ? ['q', 'k', 'v'] : role === 'gate_up' ? ['gate', 'up'] : [role]
}

function lastLayer({ tensors }: Sketch): number {
  return Math.max(-1, ...tensors.map(({ layer }) => layer))
}

const fewestPlaces = 12

const shuffles = 4

/** Correlation of the cosines between rows (or columns) of two matrices, over those that both were sampled at, and its variance by chance. */
function alike(half: TensorSketch, matrix: TensorSketch, side: Side): { value: number; variance: number } {
  const places =
    side === 'rows'
      ? sharedPlaces(half.rows, half.height, matrix.rows, matrix.height)
      : sharedPlaces(half.columns, half.width, matrix.columns, matrix.width)
  const n = places.a.length
  if (n < fewestPlaces) return { value: 0, variance: 0 }
  const x = cosinesOf(half, places.a, side)
  const y = cosinesOf(matrix, places.b, side)
  let variance = 0
  for (let turn = 1; turn <= shuffles; turn++)
    variance += correlation(x, y, shuffled(n, turn)) ** 2 / shuffles
  return { value: correlation(x, y, shuffled(n, 0)), variance }
}

type Side = 'rows' | 'columns'

/** A base is asked for by every adapter that it may have. */
const remembered = new WeakMap<TensorSketch, Map<Side, Float64Array>>()

function cosinesOf(tensor: TensorSketch, places: readonly number[], side: Side): Float64Array {
  const isWhole = places.length === (side === 'rows' ? tensor.height : tensor.width)
  const sides = remembered.get(tensor) ?? new Map<Side, Float64Array>()
  remembered.set(tensor, sides)
  const known = isWhole ? sides.get(side) : undefined
  if (known) return known
  const found = standardized(cosines(tensor, places, side))
  if (isWhole) sides.set(side, found)
  return found
}

const orders = new Map<string, readonly number[]>()

/** The same order for the same `turn` each time; turn 0 is the order as it is. */
function shuffled(n: number, turn: number): readonly number[] {
  const key = `${n}/${turn}`
  const known = orders.get(key)
  if (known) return known
  const order = Array.from({ length: n }, (_, index) => index)
  if (turn > 0) order.sort((a, b) => mix32(a * 64 + turn) - mix32(b * 64 + turn))
  orders.set(key, order)
  return order
}

/** Of values below the diagonal, those of `y` in another order of its rows. */
function correlation(x: Float64Array, y: Float64Array, order: readonly number[]): number {
  let sum = 0
  let at = 0
  for (let i = 1; i < order.length; i++) {
    const row = order[i] as number
    for (let j = 0; j < i; j++) {
      const column = order[j] as number
      const place = row > column ? (row * (row - 1)) / 2 + column : (column * (column - 1)) / 2 + row
      sum += (x[at++] as number) * (y[place] as number)
    }
  }
  return sum
}

/** With a mean of 0 and a length of 1. */
function standardized(values: Float64Array): Float64Array {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const length = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0)) || 1
  return values.map(value => (value - mean) / length)
}

function cosines(tensor: TensorSketch, places: readonly number[], side: Side): Float64Array {
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
