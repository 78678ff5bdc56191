import { copyBytes } from '../kernel/copy-bytes.ts'
import { gearTable } from './gear-table.ts'
import {
  add,
  add64,
  constant,
  constant64,
  get,
  giveBack,
  i32,
  i64,
  instantiate,
  isAtMost,
  isBelow,
  isBelow64,
  load8,
  load64,
  repeat,
  repeatWhile,
  set,
  shiftLeft,
  shiftLeft64,
  subtract,
  type WasmFunction,
  when,
} from './wasm-code.ts'

/**
 * The inner loop of chunking as WebAssembly, for 64-bit arithmetic that JavaScript lacks. Why not a package:
 * docs/decisions/0005-gear-hash-kernel.md.
 *
 * A cut depends on the top 16 bits of the hash, hence on the last 64 bytes alone. So the kernel keeps no state: it
 * warms up on the 63 bytes before the first candidate and then rolls.
 */

/** Bytes that must precede the first candidate. */
export const GEAR_WARM_UP = 63

/** A hash below this, i.e. `hash & 0xFFFF000000000000 === 0`, is a cut. */
const cutBelow = 1n << 48n

const pieceBytes = 16_384
const dataStart = 4096
/** Rolling this many bytes between two loop conditions is worth 35 %; more gains little. */
const unrolled = 8

/** scan(from, to): one past the first byte that ends a chunk, or 0. */
function scanFunction(): WasmFunction {
  const [from, to, hash, at] = [0, 1, 2, 3]
  const roll = (offset: number) => {
    const byte = load8(get(at), offset)
    const entry = load64(shiftLeft(byte, constant(3)))
    return set(hash, add64(shiftLeft64(get(hash), constant64(1n)), entry))
  }
  const advance = (by: number) => set(at, add(get(at), constant(by)))
  const returnIfCut = (offset: number) =>
    when(isBelow64(get(hash), constant64(cutBelow)), giveBack(add(get(at), constant(offset + 1))))
  const steps = Array.from({ length: unrolled }, (_, i) => [...roll(i), ...returnIfCut(i)]).flat()
  return {
    name: 'scan',
    parameters: 2,
    locals: [i64, i32],
    body: [
      ...set(at, subtract(get(from), constant(GEAR_WARM_UP))),
      ...repeat([...roll(0), ...advance(1)], isBelow(get(at), get(from))),
      ...repeatWhile(isAtMost(add(get(at), constant(unrolled)), get(to)), [...steps, ...advance(unrolled)]),
      ...repeatWhile(isBelow(get(at), get(to)), [...roll(0), ...returnIfCut(0), ...advance(1)]),
      ...constant(0),
    ],
  }
}

const { memory, functions } = instantiate<{ scan(from: number, to: number): number }>([scanFunction()], 1)
new BigUint64Array(memory.buffer, 0, gearTable.length).set(gearTable)

/**
 * The smallest `cut` with `from < cut <= to` such that `bytes[cut - 1]` ends a chunk, or 0 for none.
 * `from` must be at least GEAR_WARM_UP. Synchronous and without state: one kernel serves all streams of a thread.
 */
export function findGearCut(bytes: Uint8Array, from: number, to: number): number {
  for (let at = from; at < to; at += pieceBytes) {
    const stop = Math.min(at + pieceBytes, to)
    copyBytes(bytes.subarray(at - GEAR_WARM_UP, stop), memory, dataStart - GEAR_WARM_UP)
    const found = functions.scan(dataStart, dataStart + stop - at)
    if (found !== 0) return at + found - dataStart
  }
  return 0
}
