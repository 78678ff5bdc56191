import type { Gram, Sketch, TensorSketch } from '../sketches/index.ts'
import { compareTensors, type TensorComparison } from './compare-tensors.ts'
import { type Matching, matchTensors } from './match-tensors.ts'
import { isAdapter } from './structure.ts'

/** Whether two models may be relatives: quick, asked of many. */
export interface Screening {
  /** Of each layer of `a` the layer of `b` that it is compared with, -1 when none is like it. */
  readonly layerMap: readonly number[]
  /** Median over layers of the correlation of their matrices; over matrices where they are lined up by values. */
  readonly rho: number
  /** Share of a's layers that have one in b which they are like; of its matrices where they are lined up by values. */
  readonly likeLayers: number
  /** Correlation of cosines between tokens; undefined when too few tokens are in both. */
  readonly gram: number | undefined
  /** What is alike by values, where one of them has no layers that are known by name. */
  readonly matching: Matching | undefined
}

export interface Comparison extends Screening {
  readonly tensors: readonly TensorComparison[]
  /** Whether each tensor is compared; of those lined up by values each that tells something. */
  readonly whole: { readonly a: boolean; readonly b: boolean }
  /** Correlation of the input embeddings; undefined when there is none. */
  readonly embed: number | undefined
  /** Relative distance over all matrices: |a-b| / |b|. */
  readonly distance: number
  /** Share of the values of matrices that are equal. */
  readonly equal: number
}

/** Below this correlation two matrices are not called alike, whatever their number of values. */
export const likeCorrelation = 0.12

export function screen(a: Sketch, b: Sketch): Screening {
  const gram = gramCorrelation(a.gram, b.gram)
  if (isNameless(a) || isNameless(b)) {
    const matching = matchTensors(a, b)
    return { layerMap: [], rho: matching.rho, likeLayers: matching.share, gram, matching }
  }
  const { layerMap, correlations } = mapLayers(layersOf(a), layersOf(b))
  const like = correlations.filter(r => r >= likeCorrelation).length
  return {
    layerMap,
    rho: median(correlations),
    likeLayers: correlations.length ? like / correlations.length : 0,
    gram,
    matching: undefined,
  }
}

/** No matrix of a layer has a name that is known (ONNX, voice, pictures). The halves of an adapter are compared by name alone. */
export function isNameless(sketch: Sketch): boolean {
  return !isAdapter(sketch) && layersOf(sketch).every(({ size }) => size === 0)
}

export function compare(a: Sketch, b: Sketch, screening = screen(a, b)): Comparison {
  const { matching } = screening
  const tensors = matching?.tensors ?? compareByName(a, b, screening)
  const compared = { a: tensors.length === a.tensors.length, b: tensors.length === b.tensors.length }
  let [difference, power, equal, count] = [0, 0, 0, 0]
  for (const tensor of tensors) {
    if (tensor.a.columns === 1) continue
    difference += tensor.difference
    power += tensor.powerB
    equal += tensor.equal
    count += tensor.count
  }
  for (const { values } of matching?.unlike ?? []) {
    const own = values.reduce((sum, value) => sum + value * value, 0)
    difference += own
    power += own
    count += values.length
  }
  return {
    ...screening,
    tensors,
    whole: matching?.whole ?? compared,
    embed: tensors.find(({ role }) => role === 'embed')?.correlation,
    distance: power > 0 ? Math.sqrt(difference / power) : Number.POSITIVE_INFINITY,
    equal: count > 0 ? equal / count : 0,
  }
}

function compareByName(a: Sketch, b: Sketch, { layerMap }: Screening): TensorComparison[] {
  const others = new Map(b.tensors.map(tensor => [`${tensor.layer}/${tensor.role}`, tensor]))
  const tensors: TensorComparison[] = []
  for (const tensor of a.tensors) {
    const layer = tensor.layer < 0 ? -1 : (layerMap[tensor.layer] ?? -1)
    if (tensor.layer >= 0 && layer < 0) continue
    const other = others.get(`${layer}/${tensor.role}`)
    if (other && isComparable(tensor, other)) tensors.push(compareTensors(tensor, other))
  }
  return tensors
}

/** Of other sizes only what has a row for each token can be laid side by side: neurons that were cut leave the others in other places. */
function isComparable(a: TensorSketch, b: TensorSketch): boolean {
  return a.columns === b.columns && (a.rows === b.rows || byToken.has(a.role))
}

const byToken = new Set(['embed', 'head', 'position'])

/**
 * Two models that were trained apart from one initialisation: matrices are alike by what they began with, but norms, which begin at 1 in every model,
 * have nothing in common. Descent leaves norms correlated (least seen 0.83; 0.03 and less from one initialisation, 0.64 after few steps on the same text).
 */
export function onlySharesInitialisation({ rho, tensors }: Comparison): boolean {
  const vectors = tensors.filter(({ a, telling }) => a.columns === 1 && telling)
  return (
    vectors.length >= 3 && rho < 0.95 && median(vectors.map(({ correlation }) => correlation)) < likeNorms
  )
}

const likeNorms = 0.72

/** The beginning of each matrix of a layer, of length 1, by role and shape. */
type LayerCorner = ReadonlyMap<string, Float32Array>

const corners = new WeakMap<Sketch, readonly LayerCorner[]>()
const cornerSide = 16

function layersOf(sketch: Sketch): readonly LayerCorner[] {
  const known = corners.get(sketch)
  if (known) return known
  const layers: Map<string, Float32Array>[] = []
  for (const tensor of sketch.tensors) {
    const { layer, role, rows, columns } = tensor
    if (layer < 0) continue
    while (layers.length <= layer) layers.push(new Map())
    if (columns > 1 && layerMatrices.has(role))
      layers[layer]?.set(`${role}/${rows}/${columns}`, cornerOf(tensor))
  }
  corners.set(sketch, layers)
  return layers
}

const layerMatrices = new Set(['q', 'k', 'v', 'o', 'gate', 'up', 'down', 'qkv'])

function cornerOf({ height, width, values }: TensorSketch): Float32Array {
  const rows = Math.min(height, cornerSide)
  const columns = Math.min(width, cornerSide)
  const corner = new Float32Array(rows * columns)
  let [sum, squares] = [0, 0]
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const value = values[row * width + column] as number
      corner[row * columns + column] = value
      sum += value
      squares += value * value
    }
  }
  const mean = sum / corner.length
  const scale = 1 / (Math.sqrt(Math.max(0, squares - sum * mean)) || 1)
  return corner.map(value => (value - mean) * scale)
}

/** Each layer of a and the most similar one of b; the one of the same number when the models are alike in order. */
function mapLayers(a: readonly LayerCorner[], b: readonly LayerCorner[]) {
  const straight = a.map((corner, layer) => correlationOf(corner, b[layer]))
  if (a.length === b.length && straight.filter(r => r >= sureCorrelation).length >= a.length * 0.75)
    return { layerMap: straight.map((_, layer) => layer), correlations: straight }
  const layerMap: number[] = []
  const correlations: number[] = []
  for (const [layer, corner] of a.entries()) {
    let best = layer < b.length ? layer : -1
    let most = Math.max(straight[layer] as number, likeCorrelation)
    for (const [other, candidate] of b.entries()) {
      const r = correlationOf(corner, candidate)
      if (r <= most) continue
      best = other
      most = r
    }
    layerMap.push(best)
    correlations.push(best === layer ? (straight[layer] as number) : best < 0 ? 0 : most)
  }
  return { layerMap, correlations }
}

const sureCorrelation = 0.5

/** Mean over the matrices of the same role and shape; 0 without any. */
function correlationOf(a: LayerCorner, b: LayerCorner | undefined): number {
  let [sum, count] = [0, 0]
  for (const [place, x] of a) {
    const y = b?.get(place)
    if (x.length !== y?.length) continue
    let dot = 0
    for (let at = 0; at < x.length; at++) dot += (x[at] as number) * (y[at] as number)
    sum += dot
    count++
  }
  return count ? sum / count : 0
}

/** Fewer tokens than this in common say nothing. */
const fewestTokens = 16

/**
 * Correlation of what is particular in how tokens stand to each other. What all models of one vocabulary and one kind of text have in common
 * (rare tokens point one way, frequent ones another) is taken out first: it makes cosines of independent models correlate up to 0.98.
 */
function gramCorrelation(a: Gram | undefined, b: Gram | undefined): number | undefined {
  if (!a || !b) return undefined
  const shared = sharedTokens(a, b)
  if (shared.length < fewestTokens) return undefined
  const x = particularsOf(
    a,
    shared.map(([place]) => place),
  )
  const y = particularsOf(
    b,
    shared.map(([, place]) => place),
  )
  let [xx, yy, xy] = [0, 0, 0]
  for (let at = 0; at < x.length; at++) {
    xx += (x[at] as number) ** 2
    yy += (y[at] as number) ** 2
    xy += (x[at] as number) * (y[at] as number)
  }
  return xx > 0 && yy > 0 ? xy / Math.sqrt(xx * yy) : 0
}

const particulars = new WeakMap<Gram, Map<string, Float64Array>>()
const rememberedParticulars = 16
const commonDirections = 4

/** Cosines between tokens without their means and their strongest directions: the values below the diagonal. */
function particularsOf(gram: Gram, places: readonly number[]): Float64Array {
  const remembered = particulars.get(gram) ?? new Map<string, Float64Array>()
  particulars.set(gram, remembered)
  const key = places.length === gram.tokens.length ? 'all' : places.join()
  const known = remembered.get(key)
  if (known) return known
  const n = places.length
  const matrix = centred(cosinesOf(gram, places), n)
  for (let turn = 0; turn < commonDirections; turn++) takeOutStrongest(matrix, n)
  const found = new Float64Array((n * (n - 1)) / 2)
  let next = 0
  for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) found[next++] = matrix[i * n + j] as number
  if (remembered.size < rememberedParticulars) remembered.set(key, found)
  return found
}

function cosinesOf({ tokens, products }: Gram, places: readonly number[]): Float64Array {
  const all = tokens.length
  const norms = places.map(place => Math.sqrt(products[place * all + place] as number) || 1)
  const n = places.length
  const found = new Float64Array(n * n)
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++)
      found[i * n + j] =
        (products[(places[i] as number) * all + (places[j] as number)] as number) /
        ((norms[i] as number) * (norms[j] as number))
  return found
}

function centred(matrix: Float64Array, n: number): Float64Array {
  const means = new Float64Array(n)
  let all = 0
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) means[i] = (means[i] as number) + (matrix[i * n + j] as number) / n
    all += (means[i] as number) / n
  }
  return matrix.map(
    (value, at) => value - (means[Math.floor(at / n)] as number) - (means[at % n] as number) + all,
  )
}

/** Power iteration, from a vector that is the same each time. */
function takeOutStrongest(matrix: Float64Array, n: number): void {
  let vector = Float64Array.from({ length: n }, (_, at) => Math.sin(at * at + 1))
  let strength = 0
  for (let turn = 0; turn < 24; turn++) {
    const next = new Float64Array(n)
    for (let i = 0; i < n; i++) {
      let sum = 0
      for (let j = 0; j < n; j++) sum += (matrix[i * n + j] as number) * (vector[j] as number)
      next[i] = sum
    }
    strength = Math.hypot(...next)
    if (strength < 1e-12) return
    vector = next.map(value => value / strength)
  }
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++)
      matrix[i * n + j] =
        (matrix[i * n + j] as number) - strength * (vector[i] as number) * (vector[j] as number)
}

/** Places of the tokens that both have looked at. */
export function sharedTokens(a: Gram, b: Gram): [number, number][] {
  const pairs: [number, number][] = []
  if (a.basis !== b.basis) return pairs
  for (let i = 0, j = 0; i < a.tokens.length && j < b.tokens.length; ) {
    const x = a.tokens[i] as number
    const y = b.tokens[j] as number
    if (x === y) pairs.push([i++, j++])
    else if (x < y) i++
    else j++
  }
  return pairs
}

export function median(values: readonly number[]): number {
  if (values.length === 0) return 0
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2
}
