import {
  add,
  type Code,
  constant,
  count64,
  get,
  i32,
  instantiate,
  isBelow,
  load64,
  low32,
  repeatWhile,
  set,
  store32,
  type WasmFunction,
  xor64,
} from '../../formats/wasm-code.ts'
import { copyBytes } from '../../kernel/copy-bytes.ts'

/** Rows that are compared in one call, at most. */
export const mostRows = 16_384
const mostBytes = 64
const [queryAt, countsAt] = [0, 1024]
const rowsAt = countsAt + mostRows * 4

/** Rows of so many bytes, a multiple of 8: compare(end of the rows) writes for each how many bits differ from the query. */
function compareRows(bytes: number): WasmFunction {
  const [end, row, count] = [0, 1, 2]
  const words = Array.from({ length: bytes / 8 }, (_, word) => word * 8)
  const differing = words.map(at =>
    count64(xor64(load64(constant(queryAt + at)), load64(add(get(row), constant(at))))),
  )
  const sum: Code = differing.slice(1).reduce<Code>((all, one) => add(all, low32(one)), low32(differing[0]!))
  return {
    name: `compare${bytes}`,
    parameters: 1,
    locals: [i32, i32],
    body: [
      ...set(row, constant(rowsAt)),
      ...set(count, constant(countsAt)),
      ...repeatWhile(isBelow(get(row), get(end)), [
        ...store32(get(count), sum),
        ...set(count, add(get(count), constant(4))),
        ...set(row, add(get(row), constant(bytes))),
      ]),
      ...constant(0),
    ],
  }
}

const sizes = [32, 56, 64]
const pages = Math.ceil((rowsAt + mostRows * mostBytes) / 65_536)
const { memory, functions } = instantiate<Record<string, (end: number) => number>>(
  sizes.map(compareRows),
  pages,
)

/**
 * How many bits of each row differ from those of each query, into the array that goes with it. WebAssembly counts the bits
 * of a 64-bit word in one instruction, for which JavaScript needs two dozen. At most 16,384 rows, of as many words as a
 * query has: 8, 14 or 16.
 */
export function countDiffering(
  rows: Uint32Array,
  queries: readonly { readonly words: Uint32Array; readonly into: Uint32Array }[],
): void {
  copyBytes(bytesOf(rows), memory, rowsAt)
  for (const { words, into } of queries) {
    copyBytes(bytesOf(words), memory, queryAt)
    functions[`compare${words.byteLength}`]!(rowsAt + rows.byteLength)
    into.set(new Uint32Array(memory.buffer, countsAt, rows.length / words.length))
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: Uint32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}
