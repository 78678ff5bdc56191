import { LimitExceeded, MalformedInput } from '../kernel/errors.ts'
import { type BlockType, bitsOf } from './block-type.ts'
import type { ByteSource } from './byte-source.ts'

/**
 * Values in a file, in blocks that may go from one row into the next. Rows lie one after the other without gaps unless
 * strides say otherwise.
 */
export interface Matrix {
  readonly source: ByteSource
  /** Where its first byte lies. */
  readonly begin: number
  readonly rows: number
  readonly columns: number
  readonly type: BlockType
  /** Values from the beginning of a row to that of the next, and from a column to the next. */
  readonly strides?: readonly [row: number, column: number]
}

/** Bytes between two wanted places that are read rather than skipped; stored chunks are about this large. */
const gapLimit = 32 * 1024
/** Of one read. */
const readLimit = 1024 * 1024
const runLimit = 64 * 1024
/** Reads that wait for the store at the same time: of sampled rows each is small. */
const readsAtOnce = 8
/** Of one call: 16 MiB of result. */
const valueLimit = 4 * 1024 * 1024

/** Values that lie one after the other: `first` is the index of the first of them, `outAt` where they go. */
interface Run {
  readonly first: number
  readonly count: number
  readonly outAt: number
}

/** A tensor as a matrix: `shape[0]` rows of all that the rest makes; of a vector each value is a row. */
export function matrixShape(shape: readonly number[]): { rows: number; columns: number } {
  const [rows = 1, ...rest] = shape
  return { rows, columns: rest.reduce((product, size) => product * size, 1) }
}

/** How many bytes a matrix takes. */
export function matrixBytes({ rows, columns, type }: Pick<Matrix, 'rows' | 'columns' | 'type'>): number {
  return Math.ceil((rows * columns) / type.values) * type.bytes
}

/**
 * The values at rows × columns, row by row, of at most 4 Mi values; without `columns` those of whole rows. Only the
 * blocks in which they lie are read, what is near each other at once. Throws MalformedInput when the type is not decoded.
 */
export async function readMatrix(
  matrix: Matrix,
  rows: readonly number[],
  columns?: readonly number[],
): Promise<Float32Array> {
  const { type, source, begin } = matrix
  if (!type.decode) throw new MalformedInput('tensor', `values of type ${type.name} are not read`)
  const width = columns?.length ?? matrix.columns
  if (rows.length * width > valueLimit) throw new LimitExceeded('values of a tensor', valueLimit, 'values')
  const out = new Float32Array(rows.length * width)
  const blockRange = ({ first, count }: Run) => ({
    start: begin + Math.floor(first / type.values) * type.bytes,
    end: begin + Math.ceil((first + count) / type.values) * type.bytes,
  })
  const readTogether = async (runs: readonly Run[], start: number, end: number) => {
    const bytes = await source.read(start, end)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    decodeRuns(type, view, Math.floor((start - begin) / type.bytes), runs, out)
  }
  let reads: Promise<void>[] = []
  let together: Run[] = []
  let start = 0
  let end = 0
  for (const run of runsOf(matrix, rows, columns, Math.floor((readLimit * 8) / bitsOf(type)))) {
    const range = blockRange(run)
    const isNear = range.start >= start && range.start <= end + gapLimit && range.end <= start + readLimit
    if (together.length > 0 && (!isNear || together.length === runLimit)) {
      reads.push(readTogether(together, start, end))
      together = []
      if (reads.length === readsAtOnce) {
        await Promise.all(reads)
        reads = []
      }
    }
    if (together.length === 0) ({ start, end } = range)
    together.push(run)
    end = Math.max(end, range.end)
  }
  if (together.length > 0) reads.push(readTogether(together, start, end))
  await Promise.all(reads)
  return out
}

/** In the order in which they lie, as far as there are no strides. Neighbouring columns become one run. */
function* runsOf(
  matrix: Matrix,
  rows: readonly number[],
  columns: readonly number[] | undefined,
  longest: number,
): Generator<Run, void, undefined> {
  for (const row of rows) checkIndex(row, matrix.rows, 'row')
  for (const column of columns ?? []) checkIndex(column, matrix.columns, 'column')
  const [rowStride, columnStride] = matrix.strides ?? [matrix.columns, 1]
  const width = columns?.length ?? matrix.columns
  const byColumn = columns && inOrder(columns)
  for (const r of inOrder(rows)) {
    const rowAt = rows[r]! * rowStride
    for (let n = 0; n < width; ) {
      const c = byColumn ? byColumn[n]! : n
      const column = columns ? columns[c]! : n
      let count = 1
      // Without a list of columns, all of them are neighbours.
      if (columnStride === 1 && !columns) count = Math.min(width - n, longest)
      if (columnStride === 1 && byColumn)
        while (count < longest && byColumn[n + count] === c + count && columns[c + count] === column + count)
          count++
      yield { first: rowAt + column * columnStride, count, outAt: r * width + c }
      n += count
    }
  }
}

/** Places in the list, the smallest value first. */
function inOrder(list: readonly number[]): number[] {
  return Array.from(list.keys()).sort((a, b) => list[a]! - list[b]!)
}

function checkIndex(index: number, size: number, what: string): void {
  if (!Number.isInteger(index) || index < 0 || index >= size)
    throw new RangeError(`${what} ${index} of a matrix that has ${size}`)
}

/** `view` begins with block number `firstBlock`. */
function decodeRuns(
  type: BlockType,
  view: DataView,
  firstBlock: number,
  runs: readonly Run[],
  out: Float32Array,
): void {
  const scratch = new Float32Array(type.values)
  let inScratch = -1
  for (const { first, count, outAt } of runs) {
    const end = first + count
    for (let at = first; at < end; ) {
      const block = Math.floor(at / type.values)
      const inBlock = at - block * type.values
      const wholeBlocks = inBlock === 0 ? Math.floor((end - at) / type.values) : 0
      const place = (block - firstBlock) * type.bytes
      if (wholeBlocks > 0) {
        type.decode!(view, place, wholeBlocks, out, outAt + at - first)
        at += wholeBlocks * type.values
        continue
      }
      if (inScratch !== block) type.decode!(view, place, 1, scratch, 0)
      inScratch = block
      const taken = Math.min(type.values - inBlock, end - at)
      out.set(scratch.subarray(inBlock, inBlock + taken), outAt + at - first)
      at += taken
    }
  }
}
