import {
  add,
  and,
  type Code,
  constant,
  copy,
  equals,
  forever,
  get,
  giveBack,
  i32,
  instantiate,
  isAbove,
  isAtLeast,
  isBelow,
  load8,
  load16,
  load128,
  repeat,
  repeatWhile,
  set,
  shiftLeft,
  shiftRight,
  shuffle,
  store128,
  subtract,
  swizzle,
  v128,
  type WasmFunction,
  when,
} from './wasm-code.ts'

/**
 * The inner loops of decoding a chunk as WebAssembly: LZ4 blocks (lz4 `doc/lz4_Block_format.md`) and the inverse of byte
 * grouping. Every length and offset of a block is checked before bytes move; were a check wrong, a malicious block could
 * still reach nothing but the memory of this kernel. Why: docs/decisions/0010-decode-kernel.md.
 */

/** Most decoded bytes: a chunk. */
const capacity = 131_072
/** No block that decodes to `capacity` bytes is longer: literals, and a length byte for each 255 of them. */
const longestBlock = capacity + 1024
/** Bytes move 16 or 64 at a time, so that a little past each end is read and written. */
const slack = 64 + 8

/** For matches that overlap themselves: by offset, the 16 numbers i % offset, and the largest multiple up to 16. */
const lanesAt = 0
const stepsAt = 256
const blockAt = 1024
const decodedAt = align(blockAt + longestBlock + slack)
const joinedAt = align(decodedAt + capacity + slack)
const pages = Math.ceil((joinedAt + capacity + slack) / 65_536)

function align(address: number): number {
  return Math.ceil(address / 64) * 64
}

/** From here on one `memory.copy` is faster than steps of 16. */
const longLiterals = 128

/**
 * decode(from, end, at, limit, first): where the decoded bytes end, limit + 1 if that is beyond it, 0 if the block breaks
 * the format.
 */
function decodeFunction(): WasmFunction {
  const [from, end, at, limit, first, token, length, more, offset, stop, source, pattern] = [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
  ]
  const refuseIf = (condition: Code) => when(condition, giveBack(constant(0)))
  const stopIfTooLong = when(
    isAbove(get(length), subtract(get(limit), get(at))),
    giveBack(add(get(limit), constant(1))),
  )
  const advance = (local: number, by: Code) => set(local, add(get(local), by))
  /** A length of 15 or more goes on in the bytes that follow, up to one that is not 255. */
  const lengthen = repeat(
    [
      ...refuseIf(isAtLeast(get(from), get(end))),
      ...set(more, load8(get(from))),
      ...advance(from, constant(1)),
      ...advance(length, get(more)),
    ],
    equals(get(more), constant(255)),
  )
  const step16 = (until: number) =>
    repeat(
      [
        ...store128(get(at), load128(get(source))),
        ...advance(source, constant(16)),
        ...advance(at, constant(16)),
      ],
      isBelow(get(at), get(until)),
    )
  const copyLiterals = [
    ...refuseIf(isAbove(get(length), subtract(get(end), get(from)))),
    ...stopIfTooLong,
    ...set(stop, add(get(at), get(length))),
    ...when(isAtLeast(get(length), constant(longLiterals)), copy(get(at), get(from), get(length)), [
      ...set(source, get(from)),
      ...step16(stop),
    ]),
    ...advance(from, get(length)),
    ...set(at, get(stop)),
  ]
  const copyMatch = [
    // An offset of 0 wraps round and is above all.
    ...refuseIf(isAtLeast(subtract(get(offset), constant(1)), subtract(get(at), get(first)))),
    ...stopIfTooLong,
    ...set(stop, add(get(at), get(length))),
    ...set(source, subtract(get(at), get(offset))),
    ...when(isAtLeast(get(offset), constant(16)), step16(stop), [
      ...set(pattern, swizzle(load128(get(source)), load128(shiftLeft(get(offset), constant(4))))),
      ...set(offset, load8(add(get(offset), constant(stepsAt)))),
      ...repeat(
        [...store128(get(at), get(pattern)), ...advance(at, get(offset))],
        isBelow(get(at), get(stop)),
      ),
    ]),
    ...set(at, get(stop)),
  ]
  return {
    name: 'decode',
    parameters: 5,
    locals: [i32, i32, i32, i32, i32, i32, v128],
    body: forever([
      ...refuseIf(isAtLeast(get(from), get(end))),
      ...set(token, load8(get(from))),
      ...advance(from, constant(1)),
      ...set(length, shiftRight(get(token), constant(4))),
      ...when(equals(get(length), constant(15)), lengthen),
      ...copyLiterals,
      ...when(equals(get(from), get(end)), giveBack(get(at))),
      ...refuseIf(isBelow(subtract(get(end), get(from)), constant(2))),
      ...set(offset, load16(get(from))),
      ...advance(from, constant(2)),
      ...set(length, add(and(get(token), constant(15)), constant(4))),
      ...when(equals(get(length), constant(19)), lengthen),
      ...copyMatch,
    ]),
  }
}

/** join(first, second, third, fourth, at, end): bytes of the four groups in turn, 64 at a time, up to `end` and past it. */
function joinFunction(): WasmFunction {
  const groups = [0, 1, 2, 3]
  const [at, end] = [4, 5]
  const [low01, high01, low23, high23] = [6, 7, 8, 9]
  const mixBytes = (half: number) => Array.from({ length: 8 }, (_, i) => [half + i, half + i + 16]).flat()
  const mixPairs = (half: number) =>
    Array.from({ length: 4 }, (_, i) => [
      half + 2 * i,
      half + 2 * i + 1,
      half + 2 * i + 16,
      half + 2 * i + 17,
    ]).flat()
  const load = (group: number) => load128(get(groups[group]!))
  return {
    name: 'join',
    parameters: 6,
    locals: [v128, v128, v128, v128],
    body: [
      ...repeatWhile(isBelow(get(at), get(end)), [
        ...set(low01, shuffle(load(0), load(1), mixBytes(0))),
        ...set(high01, shuffle(load(0), load(1), mixBytes(8))),
        ...set(low23, shuffle(load(2), load(3), mixBytes(0))),
        ...set(high23, shuffle(load(2), load(3), mixBytes(8))),
        ...store128(get(at), shuffle(get(low01), get(low23), mixPairs(0))),
        ...store128(get(at), shuffle(get(low01), get(low23), mixPairs(8)), 16),
        ...store128(get(at), shuffle(get(high01), get(high23), mixPairs(0)), 32),
        ...store128(get(at), shuffle(get(high01), get(high23), mixPairs(8)), 48),
        ...groups.flatMap(group => set(group, add(get(group), constant(16)))),
        ...set(at, add(get(at), constant(64))),
      ]),
      ...get(at),
    ],
  }
}

const { memory, functions } = instantiate<{
  decode(from: number, end: number, at: number, limit: number, first: number): number
  join(first: number, second: number, third: number, fourth: number, at: number, end: number): number
}>([decodeFunction(), joinFunction()], pages)

for (let offset = 1; offset < 16; offset++) {
  for (let i = 0; i < 16; i++) memory[lanesAt + 16 * offset + i] = i % offset
  memory[stepsAt + offset] = 16 - (16 % offset)
}

// One chunk at a time is decoded in the memory of the kernel. What is taken out is a view, good until the next chunk.
// Between it and shared memory V8 copies a byte at a time, at a tenth of the speed, unless both addresses are the same
// modulo 8. So that can be had.

/**
 * Decodes an LZ4 block to behind the `decoded` bytes that are there, of which matches may reach back to `first`. Returns
 * how many are there then: more than `limit` (at most 131072) if there was no room, 0 if the block breaks the format.
 */
export function decodeBlock(block: Uint8Array, decoded: number, first: number, limit: number): number {
  if (block.length > longestBlock) return limit + 1
  const from = blockAt + (block.byteOffset & 7)
  memory.set(block, from)
  const end = functions.decode(
    ...([from, from + block.length] as const),
    ...([decodedAt + decoded, decodedAt + limit, decodedAt + first] as const),
  )
  return end === 0 ? 0 : end - decodedAt
}

/** Puts bytes, as they are, behind the `decoded` ones that are there. The sum is at most 131072. */
export function putStored(bytes: Uint8Array, decoded: number): void {
  memory.set(bytes, decodedAt + decoded)
}

/** The first `length` bytes that were decoded. */
export function takeDecoded(length: number): Uint8Array {
  return memory.subarray(decodedAt, decodedAt + length)
}

/**
 * The same, after grouping of bytes by 4 was undone: first came those at positions 0, 4, 8 …, then those at 1, 5, 9 … and
 * so on (xet-core `bg4.rs`). At an address that is `address` modulo 8.
 */
export function takeJoined(length: number, address = 0): Uint8Array {
  const at = joinedAt + (address & 7)
  const words = length >>> 2
  const rest = length & 3
  const second = decodedAt + words + (rest > 0 ? 1 : 0)
  const third = second + words + (rest > 1 ? 1 : 0)
  const fourth = third + words + (rest > 2 ? 1 : 0)
  functions.join(decodedAt, second, third, fourth, at, at + length)
  return memory.subarray(at, at + length)
}
