import { sampleAxis, type TensorSketch } from '../sketches/index.ts'

/** The values that two tensors were both sampled at. */
export interface Shared {
  readonly a: Float32Array
  readonly b: Float32Array
}

export interface SharedAxis {
  readonly a: readonly number[]
  readonly b: readonly number[]
}

export function sharedValues(a: TensorSketch, b: TensorSketch): Shared {
  if (a.rows === b.rows && a.columns === b.columns && a.height === b.height && a.width === b.width)
    return { a: a.values, b: b.values }
  const rows = sharedPlaces(a.rows, a.height, b.rows, b.height)
  const columns = sharedPlaces(a.columns, a.width, b.columns, b.width)
  return { a: pick(a, rows.a, columns.a), b: pick(b, rows.b, columns.b) }
}

function pick(tensor: TensorSketch, rows: readonly number[], columns: readonly number[]): Float32Array {
  const picked = new Float32Array(rows.length * columns.length)
  let at = 0
  for (const row of rows)
    for (const column of columns) picked[at++] = tensor.values[row * tensor.width + column] as number
  return picked
}

/** Places in a sample of `countA` of `lengthA` indexes, and in one of `countB` of `lengthB`, that are the same index. */
export function sharedPlaces(lengthA: number, countA: number, lengthB: number, countB: number): SharedAxis {
  const key = `${lengthA}/${countA}/${lengthB}/${countB}`
  const known = sharedAxes.get(key)
  if (known) return known
  const placeInB = new Map(sampleAxis(lengthB, countB).map((index, place) => [index, place]))
  const a: number[] = []
  const b: number[] = []
  for (const [place, index] of sampleAxis(lengthA, countA).entries()) {
    const other = placeInB.get(index)
    if (other === undefined) continue
    a.push(place)
    b.push(other)
  }
  if (sharedAxes.size >= rememberedAxes) sharedAxes.clear()
  sharedAxes.set(key, { a, b })
  return { a, b }
}

const sharedAxes = new Map<string, SharedAxis>()
const rememberedAxes = 1024
