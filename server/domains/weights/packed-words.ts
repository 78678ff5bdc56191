import { plainTypes } from '../../formats/block-type.ts'
import { type Matrix, readMatrix } from '../../formats/matrix.ts'

/** Small numbers packed in words of 32 bits, the lowest bits first; one may go over from a word into the next. */

/** The words of a matrix at rows × columns, row by row. */
async function readWords(
  matrix: Matrix,
  rows: readonly number[],
  columns: readonly number[],
): Promise<Uint32Array> {
  const asBytes = { ...matrix, type: plainTypes.U8, columns: matrix.columns * 4 }
  const bytes = await readMatrix(
    asBytes,
    rows,
    columns.flatMap(column => [0, 1, 2, 3].map(n => column * 4 + n)),
  )
  return new Uint32Array(Uint8Array.from(bytes).buffer)
}

/** Numbers of so many bits that are packed along the rows of `matrix`, or down its columns. */
export interface Packed {
  readonly matrix: Matrix
  readonly bits: number
  readonly along: 'rows' | 'columns'
}

/** Number `n` of line `line`, as `at(line, n)`, for those that are asked for. */
export async function readPacked(
  { matrix, bits, along }: Packed,
  lines: readonly number[],
  numbers: readonly number[],
): Promise<(line: number, number: number) => number> {
  const firstWord = (n: number) => Math.floor((n * bits) / 32)
  const lastWord = (n: number) => Math.floor((n * bits + bits - 1) / 32)
  const words = places(numbers.flatMap(n => [firstWord(n), lastWord(n)]))
  const ofLine = places(lines)
  const [lineList, wordList] = [[...ofLine.keys()], [...words.keys()]]
  const read = await (along === 'rows'
    ? readWords(matrix, lineList, wordList)
    : readWords(matrix, wordList, lineList))
  const word = (line: number, w: number) =>
    along === 'rows'
      ? read[ofLine.get(line)! * wordList.length + words.get(w)!]!
      : read[words.get(w)! * lineList.length + ofLine.get(line)!]!
  const mask = 2 ** bits - 1
  return (line, n) => {
    const shift = (n * bits) % 32
    const low = word(line, firstWord(n)) >>> shift
    const high = lastWord(n) > firstWord(n) ? word(line, lastWord(n)) << (32 - shift) : 0
    return ((low | high) & mask) >>> 0
  }
}

/** Where each value stands in the list of them without repetition, in order. */
function places(values: readonly number[]): Map<number, number> {
  return new Map([...new Set(values)].sort((a, b) => a - b).map((value, at) => [value, at]))
}

/** All indices below a number. */
export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n)
}

/** Values of a matrix at the rows and columns that are asked for, as `at(row, column)`. */
export async function readGrid(
  matrix: Matrix,
  rows: readonly number[],
  columns: readonly number[],
): Promise<(row: number, column: number) => number> {
  const ofRow = places(rows)
  const ofColumn = places(columns)
  const values = await readMatrix(matrix, [...ofRow.keys()], [...ofColumn.keys()])
  return (row, column) => values[ofRow.get(row)! * ofColumn.size + ofColumn.get(column)!]!
}

/** Fills rows × columns with what `at` gives. */
export function fill(
  rows: readonly number[],
  columns: readonly number[],
  at: (row: number, column: number) => number,
): Float32Array {
  const out = new Float32Array(rows.length * columns.length)
  let n = 0
  for (const row of rows) for (const column of columns) out[n++] = at(row, column)
  return out
}
