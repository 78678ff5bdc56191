import type { Sketch, TensorSketch } from '../sketches/index.ts'
import { sharedValues } from './align.ts'
import { compareTensors, type TensorComparison } from './compare-tensors.ts'
import { isFixedBasis } from './fixed-basis.ts'

/** Tensors of two models lined up by their values. */
export interface Matching {
  readonly tensors: readonly TensorComparison[]
  /** Matrices of `a` that are like none of `b`. */
  readonly unlike: readonly TensorSketch[]
  /**
   * Of the matrices of `a`, the share that are like one of `b`: by number or by values, whichever is less, so that neither a large table nor
   * a few small matrices make relatives. Fixed bases do not count.
   */
  readonly share: number
  /** Median correlation of the matrices of `a`, those that are like none as 0. */
  readonly rho: number
  /** Whether every tensor that tells something is lined up. */
  readonly whole: { readonly a: boolean; readonly b: boolean }
}

/**
 * Lines up what is known under other names: tensors of the same shape, or of the turned one, whose sampled values correlate more than any of as
 * many unrelated pairs would; the most alike first, each once. Those of one name and shape that nothing is like come last, to be told apart.
 */
export function matchTensors(a: Sketch, b: Sketch): Matching {
  const [allA, allB] = [tellingOf(a), tellingOf(b)]
  const [takenA, takenB] = [new Map<TensorSketch, number>(), new Set<TensorSketch>()]
  const tensors: TensorComparison[] = []
  for (const { own, other, isTurned, isLike, correlation } of pairsOf(allA, allB)) {
    if (takenA.has(own.tensor) || takenB.has(other.tensor)) continue
    takenA.set(own.tensor, isLike ? correlation : 0)
    takenB.add(other.tensor)
    const there = isTurned ? turned(other.tensor) : other.tensor
    const compared = compareTensors(inUnitsOf(own.tensor, there), inUnitsOf(there, own.tensor))
    tensors.push(own.isFixed ? { ...compared, telling: false } : compared)
  }
  const matrices = allA.filter(({ isMatrix, isFixed }) => isMatrix && !isFixed)
  const correlations = matrices.map(({ tensor }) => takenA.get(tensor) ?? 0)
  const [like = [], unlike = []] = [true, false].map(wanted =>
    matrices.filter((_, at) => (correlations[at] as number) > 0 === wanted),
  )
  return {
    tensors,
    unlike: unlike.map(({ tensor }) => tensor),
    share: matrices.length ? Math.min(like.length / matrices.length, sizeOf(like) / sizeOf(matrices)) : 0,
    rho: correlations.sort((x, y) => x - y)[correlations.length >> 1] ?? 0,
    whole: {
      a: allA.every(({ tensor }) => takenA.has(tensor)),
      b: allB.every(({ tensor }) => takenB.has(tensor)),
    },
  }
}

/** A tensor whose values differ enough to know it by. */
interface Telling {
  readonly tensor: TensorSketch
  /** Its first sampled values about their means by row and column, of length 1. */
  readonly corner: Corner
  /** Degrees of freedom of the corner. */
  readonly freedom: number
  readonly isMatrix: boolean
  /** Computed and not learned: equal in strangers. */
  readonly isFixed: boolean
}

interface Corner {
  readonly height: number
  readonly width: number
  readonly values: Float64Array
}

interface Try {
  readonly own: Telling
  readonly other: Telling
  /** The other is stored as columns × rows. */
  readonly isTurned: boolean
  readonly isNamesake: boolean
}

interface Pair extends Try {
  readonly correlation: number
  readonly isLike: boolean
}

/** Of models that would take more, those of one name alone are tried. A BERT of 24 layers whose names are lost takes half of it. */
const mostTries = 50_000

function pairsOf(a: readonly Telling[], b: readonly Telling[]): Pair[] {
  const byShape = Map.groupBy(b, ({ tensor: { rows, columns } }) => `${rows}/${columns}`)
  const straight = ({ tensor: { rows, columns } }: Telling) => byShape.get(`${rows}/${columns}`) ?? []
  const across = ({ tensor: { rows, columns }, isMatrix }: Telling) =>
    (isMatrix && byShape.get(`${columns}/${rows}`)) || []
  const count = a.reduce((sum, own) => sum + straight(own).length + across(own).length, 0)
  const tries = a.flatMap((own): Try[] => {
    const others = straight(own).map(other => ({
      own,
      other,
      isTurned: false,
      isNamesake: isOneName(own, other),
    }))
    if (count > mostTries) return others.filter(({ isNamesake }) => isNamesake)
    return [...others, ...across(own).map(other => ({ own, other, isTurned: true, isNamesake: false }))]
  })
  return tries
    .map((tried): Pair => {
      const { own, other, isTurned } = tried
      const correlation = correlationOf(own.corner, other.corner, isTurned)
      const least = leastCorrelation(Math.min(own.freedom, other.freedom), tries.length)
      return { ...tried, correlation, isLike: correlation >= least }
    })
    .filter(({ isLike, isNamesake }) => isLike || isNamesake)
    .sort((x, y) => y.correlation - x.correlation || Number(y.isNamesake) - Number(x.isNamesake))
}

function isOneName({ tensor: a }: Telling, { tensor: b }: Telling): boolean {
  return a.role === b.role && a.layer === b.layer
}

/** Chance that any of the pairs of two unrelated models is called alike. */
const error = 1e-6
/** Independent tensors that have large rows or columns reach 0.21, whatever their number of values. */
const leastLike = 0.3

/** What is significant among `tries` pairs: Fisher's z against a bound of the normal tail, after Bonferroni. */
function leastCorrelation(freedom: number, tries: number): number {
  return Math.max(leastLike, Math.tanh(Math.sqrt((2 * Math.log(tries / error)) / (freedom - 2))))
}

const known = new WeakMap<Sketch, readonly Telling[]>()
const side = 16
/** With fewer values no correlation is significant. */
const leastFreedom = 16

function tellingOf(sketch: Sketch): readonly Telling[] {
  const found = known.get(sketch)
  if (found) return found
  const telling = sketch.tensors.flatMap((tensor): Telling[] => {
    const isMatrix = tensor.height > 1 && tensor.width > 1
    const height = isMatrix ? Math.min(tensor.height, side) : tensor.height
    const width = isMatrix ? Math.min(tensor.width, side) : tensor.width
    const freedom = isMatrix ? (height - 1) * (width - 1) : height * width - 1
    const values = freedom < leastFreedom ? undefined : cornerOf(tensor, height, width, isMatrix)
    if (!values) return []
    const isFixed = isMatrix && isFixedBasis(tensor)
    return [{ tensor, corner: { height, width, values }, freedom, isMatrix, isFixed }]
  })
  known.set(sketch, telling)
  return telling
}

/** Undefined when it is constant, or the same in each row or column. */
function cornerOf(
  { values, width: stride }: TensorSketch,
  height: number,
  width: number,
  isMatrix: boolean,
): Float64Array | undefined {
  const [byRow, byColumn] = [new Float64Array(height), new Float64Array(width)]
  const corner = Float64Array.from({ length: height * width }, (_, at) => {
    const [row, column] = [Math.floor(at / width), at % width]
    const value = values[row * stride + column] as number
    byRow[row] = (byRow[row] as number) + value / width
    byColumn[column] = (byColumn[column] as number) + value / height
    return value
  })
  const mean = byRow.reduce((sum, value) => sum + value, 0) / height
  const power = corner.reduce((sum, value) => sum + value * value, 0)
  let left = 0
  for (const [at, value] of corner.entries()) {
    const common = isMatrix
      ? (byRow[Math.floor(at / width)] as number) + (byColumn[at % width] as number) - mean
      : mean
    corner[at] = value - common
    left += (value - common) ** 2
  }
  return left > 1e-9 * power ? corner.map(value => value / Math.sqrt(left)) : undefined
}

function correlationOf(a: Corner, b: Corner, isTurned: boolean): number {
  if (a.height !== (isTurned ? b.width : b.height) || a.width !== (isTurned ? b.height : b.width)) return 0
  let dot = 0
  for (let row = 0, at = 0; row < a.height; row++)
    for (let column = 0; column < a.width; column++, at++)
      dot += (a.values[at] as number) * (b.values[isTurned ? column * b.width + row : at] as number)
  return Math.min(dot, 1)
}

/** The transpose. */
export function turned(tensor: TensorSketch): TensorSketch {
  const { rows, columns, height, width, values } = tensor
  return {
    ...tensor,
    ...{ rows: columns, columns: rows, height: width, width: height },
    values: values.map((_, at) => values[(at % height) * width + Math.floor(at / height)] as number),
  }
}

/** ONNX keeps integers, and their factors in other tensors: those are brought to the size of what they are compared with. */
function inUnitsOf(tensor: TensorSketch, other: TensorSketch): TensorSketch {
  if (!isInteger(tensor) || isInteger(other)) return tensor
  const shared = sharedValues(tensor, other)
  let [own, both] = [0, 0]
  for (const [at, value] of shared.a.entries()) {
    own += value * value
    both += value * (shared.b[at] as number)
  }
  return own > 0 ? { ...tensor, values: tensor.values.map(value => (value * both) / own) } : tensor
}

function isInteger({ dtype }: TensorSketch): boolean {
  return /^[IU]\d/.test(dtype)
}

function sizeOf(telling: readonly Telling[]): number {
  return telling.reduce((sum, { tensor: { rows, columns } }) => sum + rows * columns, 0)
}
