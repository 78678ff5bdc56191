import { gearTable } from './gear-table.ts'

/**
 * The inner loop of chunking as WebAssembly, for 64-bit arithmetic that JavaScript lacks. Assembled here from named
 * opcodes, because no WebAssembly compiler is needed for a loop of ten instructions. Why not a package:
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

type Code = readonly number[]

function leb(value: bigint): number[] {
  const bytes: number[] = []
  for (let rest = value; ; ) {
    const low = Number(rest & 127n)
    rest >>= 7n
    const isLast = (rest === 0n && low < 64) || (rest === -1n && low >= 64)
    bytes.push(isLast ? low : low | 128)
    if (isLast) return bytes
  }
}

function sized(content: Code): Code {
  const low = content.length & 127
  return content.length < 128 ? [low, ...content] : [low | 128, content.length >> 7, ...content]
}

const i32 = 0x7f
const i64 = 0x7e
const get = (local: number): Code => [0x20, local]
const set = (local: number): Code => [0x21, local]
const tee = (local: number): Code => [0x22, local]
const constant32 = (value: number): Code => [0x41, ...leb(BigInt(value))]
const constant64 = (value: bigint): Code => [0x42, ...leb(value)]
const loadByte = (offset: number): Code => [0x2d, 0, offset]
const load64: Code = [0x29, 3, 0]
const add32: Code = [0x6a]
const subtract32: Code = [0x6b]
const shiftLeft32: Code = [0x74]
const add64: Code = [0x7c]
const shiftLeft64: Code = [0x86]
const isBelow32: Code = [0x49]
const isAtMost32: Code = [0x4d]
const isBelow64: Code = [0x54]
const end: Code = [0x0b]
const returnValue: Code = [0x0f]
const loop = (body: Code): Code => [0x03, 0x40, ...body, ...end]
const when = (body: Code): Code => [0x04, 0x40, ...body, ...end]
const repeatIf: Code = [0x0d, 0]
/** Inside `when` inside `loop`: the loop is one level further out. */
const repeat: Code = [0x0c, 1]

function assemble(): Uint8Array<ArrayBuffer> {
  const [from, to, hash, at] = [0, 1, 2, 3]
  const roll = (offset: number): Code => [
    ...[...get(hash), ...constant64(1n), ...shiftLeft64],
    ...[...get(at), ...loadByte(offset), ...constant32(3), ...shiftLeft32, ...load64],
    ...[...add64, ...set(hash)],
  ]
  const advance = (by: number): Code => [...get(at), ...constant32(by), ...add32, ...tee(at)]
  const returnIfCut = (offset: number): Code => [
    ...[...get(hash), ...constant64(cutBelow), ...isBelow64],
    ...when([...get(at), ...constant32(offset + 1), ...add32, ...returnValue]),
  ]
  const steps = Array.from({ length: unrolled }, (_, i) => [...roll(i), ...returnIfCut(i)]).flat()
  const scan: Code = [
    ...[2, 1, i64, 1, i32],
    ...[...get(from), ...constant32(GEAR_WARM_UP), ...subtract32, ...set(at)],
    ...loop([...roll(0), ...advance(1), ...get(from), ...isBelow32, ...repeatIf]),
    ...loop([
      ...[...get(at), ...constant32(unrolled), ...add32, ...get(to), ...isAtMost32],
      ...when([...steps, ...advance(unrolled), ...set(at), ...repeat]),
    ]),
    ...loop([
      ...[...get(at), ...get(to), ...isBelow32],
      ...when([...roll(0), ...returnIfCut(0), ...advance(1), ...set(at), ...repeat]),
    ]),
    ...[...constant32(0), ...end],
  ]
  const name = (text: string): Code => sized([...Buffer.from(text)])
  const section = (id: number, content: Code): Code => [id, ...sized(content)]
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 2, i32, i32, 1, i32]),
    ...section(3, [1, 0]),
    ...section(5, [1, 0, 1]),
    ...section(7, [2, ...name('memory'), 2, 0, ...name('scan'), 0, 0]),
    ...section(10, [1, ...sized(scan)]),
  ])
}

/** The part of the standard that is needed here; no type library in use declares it. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object) => { readonly exports: unknown }
}

const { memory, scan } = new WebAssembly.Instance(new WebAssembly.Module(assemble())).exports as {
  readonly memory: { readonly buffer: ArrayBuffer }
  readonly scan: (from: number, to: number) => number
}
new BigUint64Array(memory.buffer, 0, gearTable.length).set(gearTable)
const heap = new Uint8Array(memory.buffer)

/**
 * The smallest `cut` with `from < cut <= to` such that `bytes[cut - 1]` ends a chunk, or 0 for none.
 * `from` must be at least GEAR_WARM_UP. Synchronous and without state: one kernel serves all streams of a thread.
 */
export function findGearCut(bytes: Uint8Array, from: number, to: number): number {
  for (let at = from; at < to; at += pieceBytes) {
    const stop = Math.min(at + pieceBytes, to)
    heap.set(bytes.subarray(at - GEAR_WARM_UP, stop), dataStart - GEAR_WARM_UP)
    const found = scan(dataStart, dataStart + stop - at)
    if (found !== 0) return at + found - dataStart
  }
  return 0
}
