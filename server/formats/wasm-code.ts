/**
 * A few dozen instructions of WebAssembly by name, enough for inner loops that JavaScript has no arithmetic for. Operands
 * are given as code, so a kernel reads from the outside in: `add(get(at), constant(1))`. Opcodes are those of the
 * WebAssembly core specification, section 5.4. Why no compiler and no package: docs/decisions/0005-gear-hash-kernel.md.
 */
export type Code = readonly number[]

export const i32 = 0x7f
export const i64 = 0x7e
export const v128 = 0x7b

/** Signed LEB128. */
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

/** Unsigned LEB128, below 2^14. */
function unsigned(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, value >> 7]
}

const operation =
  (...opcode: number[]) =>
  (...operands: Code[]): Code => [...operands.flat(), ...opcode]

export const get = (local: number): Code => [0x20, local]
export const set = (local: number, value: Code): Code => [...value, 0x21, local]
export const constant = (value: number): Code => [0x41, ...leb(BigInt(value))]
export const constant64 = (value: bigint): Code => [0x42, ...leb(value)]

export const add = operation(0x6a)
export const subtract = operation(0x6b)
export const and = operation(0x71)
export const shiftLeft = operation(0x74)
export const shiftRight = operation(0x76)
export const equals = operation(0x46)
export const isBelow = operation(0x49)
export const isAbove = operation(0x4b)
export const isAtMost = operation(0x4d)
export const isAtLeast = operation(0x4f)
export const add64 = operation(0x7c)
export const shiftLeft64 = operation(0x86)
export const isBelow64 = operation(0x54)
export const xor64 = operation(0x85)
/** How many bits are 1. */
export const count64 = operation(0x7b)
export const low32 = operation(0xa7)

export const load8 = (address: Code, offset = 0): Code => [...address, 0x2d, 0, ...unsigned(offset)]
export const load16 = (address: Code): Code => [...address, 0x2f, 0, 0]
export const load64 = (address: Code): Code => [...address, 0x29, 3, 0]
export const load128 = (address: Code, offset = 0): Code => [...address, 0xfd, 0, 0, ...unsigned(offset)]
export const store32 = (address: Code, value: Code): Code => [...address, ...value, 0x36, 2, 0]
export const store128 = (address: Code, value: Code, offset = 0): Code => [
  ...[...address, ...value],
  ...[0xfd, 0x0b, 0, ...unsigned(offset)],
]
/** 16 bytes out of the 32 of `a` and `b`, by number. */
export const shuffle = (a: Code, b: Code, lanes: Code): Code => [...a, ...b, 0xfd, 0x0d, ...lanes]
/** 16 bytes of `a`, by the numbers in `lanes`. */
export const swizzle = (a: Code, lanes: Code): Code => [...a, ...lanes, 0xfd, 0x0e]
/** `memory.copy`: to, from, length. */
export const copy = operation(0xfc, 0x0a, 0, 0)

export const giveBack = operation(0x0f)
export const when = (condition: Code, body: Code, otherwise: Code = []): Code => [
  ...[...condition, 0x04, 0x40, ...body],
  ...(otherwise.length > 0 ? [0x05, ...otherwise] : []),
  0x0b,
]
/** Nothing follows: it is left by `giveBack` alone. */
export const forever = (body: Code): Code => [0x03, 0x40, ...body, 0x0c, 0, 0x0b, 0x00]
export const repeatWhile = (condition: Code, body: Code): Code => [
  ...[0x03, 0x40, ...condition, 0x04, 0x40, ...body],
  ...[0x0c, 1, 0x0b, 0x0b],
]
/** The body runs at least once. */
export const repeat = (body: Code, until: Code): Code => [0x03, 0x40, ...body, ...until, 0x0d, 0, 0x0b]

export interface WasmFunction {
  readonly name: string
  /** All parameters are i32, numbered from 0; the one result is i32. */
  readonly parameters: number
  /** Types of the locals, which are numbered on from the parameters. */
  readonly locals: readonly number[]
  readonly body: Code
}

/** The part of the standard that is needed here; no type library in use declares it. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object) => { readonly exports: unknown }
}

/** A module of these functions and a memory of its own, of so many pages of 64 KiB. */
export function instantiate<Functions>(
  functions: readonly WasmFunction[],
  pages: number,
): { readonly memory: Uint8Array<ArrayBuffer>; readonly functions: Functions } {
  const sized = (content: Code): Code => [...unsigned(content.length), ...content]
  const section = (id: number, items: readonly Code[]): Code => [
    id,
    ...sized([items.length, ...items.flat()]),
  ]
  const name = (text: string): Code => sized([...Buffer.from(text)])
  const types = functions.map(({ parameters }) => [
    ...[0x60, parameters, ...Array.from({ length: parameters }, () => i32)],
    ...[1, i32],
  ])
  const bodies = functions.map(({ locals, body }) =>
    sized([locals.length, ...locals.flatMap(type => [1, type]), ...body, 0x0b]),
  )
  const exported = functions.map((one, i) => [...name(one.name), 0, i])
  const bytes = Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, types),
    ...section(
      3,
      functions.map((_, i) => [i]),
    ),
    ...section(5, [[0, ...unsigned(pages)]]),
    ...section(7, [[...name('memory'), 2, 0], ...exported]),
    ...section(10, bodies),
  ])
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes))
  const { memory } = exports as { readonly memory: { readonly buffer: ArrayBuffer } }
  return { memory: new Uint8Array(memory.buffer), functions: exports as Functions }
}
